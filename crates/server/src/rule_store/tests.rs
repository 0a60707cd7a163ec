use super::*;

const FIRST: &str = "[[rule]]\nid = \"fast\"\nlimit = { signal = \"speed\", max = 10.0 }\n";

fn signed(reason: &str) -> Signature {
    Signature {
        by: PersonId::new("anna").unwrap(),
        reason: Note::cut(reason),
        at: "2026-03-01T06:00:00Z".parse().unwrap(),
    }
}

fn text(max: u32) -> String {
    FIRST.replace("10.0", &format!("{max}.0"))
}

fn store() -> (tempfile::TempDir, RuleStore) {
    let directory = watchkeeper_canary::tempdir().unwrap();
    let store = RuleStore::of(&directory.path().join("rules.toml"));
    (directory, store)
}

/// Returns the bound that is in force.
fn in_force(store: &RuleStore) -> String {
    store.in_force().unwrap().1.rules()[0].condition()
}

#[test]
fn every_version_is_kept_with_who_when_and_why() {
    let (_directory, store) = store();
    for max in [10, 11, 12] {
        store.activate(&text(max), &signed(&format!("to {max}"))).unwrap();
    }
    let told: Vec<_> = store
        .history()
        .unwrap()
        .into_iter()
        .map(|one| (one.at, one.by.to_string(), one.reason.to_string()))
        .collect();
    let line = |max: u32| ("2026-03-01T06:00:00Z".to_owned(), "anna".to_owned(), format!("to {max}"));
    assert_eq!(told, [line(10), line(11), line(12)]);
    for change in store.history().unwrap() {
        assert_eq!(store.read(change.version).unwrap().version(), change.version);
    }
    let newest = RuleSetVersion::of(&text(12));
    assert_eq!(store.find(&newest.short()).unwrap(), newest);
    assert!(store.find("").unwrap_err().to_string().contains("3 versions begin with"));
}

#[test]
fn going_back_goes_back_one_each_time() {
    let (_directory, store) = store();
    for max in [10, 11, 12] {
        store.activate(&text(max), &signed("tighter")).unwrap();
    }
    for expected in ["speed above 11", "speed above 10"] {
        store.rollback(None, &signed("too tight")).unwrap();
        assert_eq!(in_force(&store), expected);
    }
    let error = store.rollback(None, &signed("more")).unwrap_err().to_string();
    assert!(error.contains("no version before"), "{error}");
    store.rollback(Some(RuleSetVersion::of(&text(12))), &signed("there")).unwrap();
    assert_eq!(in_force(&store), "speed above 12");
    assert_eq!(store.history().unwrap().len(), 6, "going back is a change of its own");
}

#[test]
fn a_broken_file_never_replaces_a_good_one() {
    let (_directory, store) = store();
    assert!(store.in_force().unwrap_err().to_string().contains("watchkeeper rules activate"));
    store.activate(FIRST, &signed("first")).unwrap();
    let history = store.history().unwrap();
    for broken in
        ["[[rule]]\nid = 3\n", "[[rule]]\nid = \"a\"\nwhen = \"speed > 3.0\"\n", "{ \"Conditions\": [ }"]
    {
        let error = store.activate(broken, &signed("oh")).unwrap_err().to_string();
        assert!(error.starts_with("line "), "{error}");
        assert_eq!(store.history().unwrap(), history);
        assert_eq!(in_force(&store), "speed above 10");
    }
    assert!(store.activate(FIRST, &signed("again")).unwrap_err().to_string().contains("in force already"));
}

#[test]
fn a_version_that_was_changed_behind_our_back_is_not_used() {
    let (_directory, store) = store();
    let kept = store.activate(FIRST, &signed("first")).unwrap();
    store.activate(&text(12), &signed("second")).unwrap();
    fs::write(store.directory().join(format!("{}.toml", kept.version)), text(99)).unwrap();
    let error = store.rollback(None, &signed("back")).unwrap_err().to_string();
    assert!(error.contains("somebody changed it"), "{error}");
    assert_eq!(in_force(&store), "speed above 12");
}

#[test]
fn two_people_do_not_change_the_rules_at_once() {
    let (_directory, store) = store();
    store.activate(FIRST, &signed("first")).unwrap();
    let held = store.lock().unwrap();
    let error = store.activate(&text(12), &signed("second")).unwrap_err().to_string();
    assert!(error.contains("is somebody else changing the rules"), "{error}");
    drop(held);
    store.activate(&text(12), &signed("second")).unwrap();
}
