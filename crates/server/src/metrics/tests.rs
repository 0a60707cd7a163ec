//! What is exported, and whether the page that lists it says the same.

use super::*;
use std::collections::BTreeSet;

fn both() -> (LoopMeter, Exposition, watch::Sender<Option<DurableMark>>) {
    let (sender, marks) = watch::channel(None);
    let (meter, exposition) = metrics(Incarnation(3), Arc::default(), Arc::default(), marks).unwrap();
    (meter, exposition, sender)
}

/// The names of the `# TYPE` lines.
fn exported(text: &str) -> BTreeSet<&str> {
    let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    typed.map(|line| line.split(' ').next().unwrap()).collect()
}

#[test]
fn every_budget_is_the_end_of_a_bucket() {
    for stage in Stage::ALL {
        for kind in AgentKind::ALL {
            let Some((p99, hard)) = stage.budget(*kind) else { continue };
            for span in [p99, hard] {
                let ends = |bucket: &&f64| (**bucket - span.as_secs_f64()).abs() < 1e-12;
                assert!(BUCKETS.iter().any(|bucket| ends(&bucket)), "{stage} of a {kind}: {span:?}");
            }
        }
    }
    assert!(BUCKETS.is_sorted());
}

#[test]
fn a_span_at_its_budget_lies_in_its_bucket_and_one_above_is_a_breach() {
    let (meter, exposition, _marks) = both();
    let (stage, kind) = (Stage::Command, AgentKind::Vehicle);
    for span in [Some(Duration::from_millis(200)), Some(Duration::from_micros(200_001)), None] {
        meter.measured(StageSpan { stage, kind, span });
    }
    exposition.keep_up();
    let text = exposition.render();
    let labels = "stage=\"command\",kind=\"vehicle\"";
    for line in [
        format!("watchkeeper_stage_seconds_bucket{{{labels},le=\"0.2\"}} 1"),
        format!("watchkeeper_stage_seconds_bucket{{{labels},le=\"0.25\"}} 2"),
        format!("watchkeeper_stage_seconds_count{{{labels}}} 2"),
        format!("watchkeeper_stage_breaches_total{{{labels}}} 2"),
        format!("watchkeeper_stage_unknown_total{{{labels}}} 1"),
        format!("watchkeeper_stage_budget_seconds{{{labels},limit=\"hard\"}} 0.2"),
        format!("watchkeeper_stage_budget_seconds{{{labels},limit=\"p99\"}} 0.1"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("budget_seconds{stage=\"decide\""), "human time has no budget");
}

#[test]
fn every_name_of_the_catalogue_is_exported_from_the_start_and_no_other() {
    let (_meter, exposition, _marks) = both();
    let text = exposition.render();
    assert_eq!(exported(&text), CATALOGUE.iter().map(|(name, _, _)| *name).collect());
    for (name, shape, help) in CATALOGUE {
        assert!(text.contains(&format!("# HELP {name} {help}\n")), "{name}");
        let word = shape.word();
        assert!(text.contains(&format!("# TYPE {name} {word}\n")), "{name}");
        assert_eq!(name.ends_with("_total"), *shape == Shape::Counter, "{name}");
    }
}

#[test]
fn the_page_of_metrics_lists_every_one_with_its_kind_and_meaning() {
    let page = include_str!("../../../../docs/metrics.md");
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| `watchkeeper_")).collect();
    let rows: Vec<String> = CATALOGUE
        .iter()
        .map(|(name, shape, help)| format!("| `{name}` | {} | {} | {help} |", shape.word(), labels_of(name)))
        .collect();
    assert_eq!(listed, rows, "docs/metrics.md should have these rows:\n{}", rows.join("\n"));
}

/// The labels under which a metric is exported, as the page writes them.
fn labels_of(name: &str) -> String {
    let (_meter, exposition, _marks) = both();
    let text = exposition.render();
    let of_this = |line: &&str| {
        let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix("_bucket").or(Some(rest)));
        rest.is_some_and(|rest| rest.starts_with('{'))
    };
    let Some(line) = text.lines().find(of_this) else { return String::new() };
    let labels = line.split(['{', ',']).skip(1).filter_map(|label| label.split('=').next());
    let named = labels.filter(|label| *label != "le").map(|label| format!("`{label}`"));
    named.collect::<Vec<_>>().join(", ")
}
