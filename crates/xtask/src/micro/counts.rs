//! What the benchmark says: one JSON object a line, one line a benchmark.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Instructions by benchmark.
pub(super) type Counts = BTreeMap<String, u64>;

/// Reads the benchmark's output.
pub(super) fn parse(output: &str) -> Result<Counts> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| parse_line(line).with_context(|| format!("reading what the benchmark said: {line}")))
        .collect()
}

fn parse_line(line: &str) -> Result<(String, u64)> {
    let said: Value = serde_json::from_str(line)?;
    let text = |key: &str| said.get(key).and_then(Value::as_str).with_context(|| format!("it has no {key}"));
    let mut name = format!("{}::{}", text("group")?, text("function_name")?);
    if let Ok(id) = text("id") {
        name.push_str("::");
        name.push_str(id);
    }
    let profiles = said.get("profiles").and_then(Value::as_array).context("it has no profiles")?;
    let profile = profiles
        .iter()
        .find(|profile| profile.get("tool").and_then(Value::as_str) == Some("Callgrind"))
        .context("callgrind did not run")?;
    let count = profile.pointer("/data/total/metrics/Ir/values/new").and_then(Value::as_u64);
    Ok((name, count.context("it has no count of instructions (Ir)")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"function_name":"encode","group":"codec","id":"alert","profiles":[{"data":{"parts":[],"total":{"metrics":{"Ir":{"values":{"new":501815,"old":501816}}},"regressions":[]}},"tool":"Callgrind"}],"version":"7"}"#;

    #[test]
    fn the_new_count_is_taken_and_other_lines_are_not_read() {
        let output = format!("Running benches/micro/main.rs\n{LINE}\n\n");
        let counts = parse(&output).expect("it is as gungraun writes it");
        assert_eq!(counts, Counts::from([("codec::encode::alert".to_owned(), 501_815)]));
    }

    #[test]
    fn a_benchmark_without_an_id_is_called_after_its_function() {
        let counts = parse(&LINE.replace(r#""id":"alert","#, "")).expect("the id may be left out");
        assert!(counts.contains_key("codec::encode"), "{counts:?}");
    }

    #[test]
    fn a_benchmark_without_a_count_is_an_error() {
        let broken = LINE.replace(r#""new":501815,"#, "");
        let error = format!("{:#}", parse(&broken).expect_err("there is no new count"));
        assert!(error.contains("no count of instructions") && error.contains("codec"), "{error}");
    }
}
