use super::*;
use watchkeeper_model::{CauseClass, CommonCause, Label};

fn view() -> View {
    View::new(Scope::new(["truck-*"]).unwrap(), 0)
}

/// The alert of an agent that is one of those of a trouble.
fn alert(trouble: u64, number: u64) -> Alarm {
    let agent = |number: u64| AgentId::new(&format!("truck-{number}")).unwrap();
    let group = (agent(number), CauseClass::Silence, Label::cut("link"));
    let mut alarm = Alarm::never_raised(AlertId(trouble + number), group, MonoTime::default());
    let since = MonoTime::default();
    alarm.common =
        Some(CommonCause { id: AlertId(trouble), first_out: agent(0), area: None, since, members: 9 });
    alarm
}

/// Tells a view of so many members of a trouble; returns how many alerts were alone until then.
fn join(view: &mut View, trouble: u64, numbers: std::ops::Range<u64>) -> usize {
    numbers.filter(|number| view.join(&alert(trouble, *number)).is_some()).count()
}

/// How many members the card of an alert says that its trouble has; `None` where it stands alone.
fn members(view: &View, trouble: u64) -> Option<u32> {
    let mut alarm = alert(trouble, 0);
    view.cut(&mut alarm);
    alarm.common.map(|common| common.members)
}

#[test]
fn with_too_many_members_in_all_the_oldest_trouble_stands_alone_and_newer_ones_grow() {
    let mut view = view();
    let (old, newer, newest) = (100_000, 200_000, 300_000);
    assert_eq!(join(&mut view, old, 0..9_000), 1, "its first was alone until the second came");
    join(&mut view, newer, 0..10_999);
    join(&mut view, newest, 0..1);
    assert_eq!((members(&view, old), members(&view, newer)), (Some(9_000), Some(10_999)));
    assert_eq!(view.members, MAX_MEMBERS);
    // Whom it knows already, it needs no room for.
    join(&mut view, old, 0..9_000);
    assert_eq!(members(&view, old), Some(9_000));
    assert_eq!(join(&mut view, newest, 1..2), 1);
    assert_eq!([old, newer, newest].map(|trouble| members(&view, trouble)), [None, Some(10_999), Some(2)]);
    assert_eq!(view.members, 11_001);
    // Of what went, nothing comes back by itself at the expense of what is newer.
    join(&mut view, newest, 2..9_001);
    join(&mut view, old, 0..2);
    assert_eq!([old, newer].map(|trouble| members(&view, trouble)), [None, Some(10_999)]);
    assert_eq!(view.members, MAX_MEMBERS);
}

#[test]
fn of_a_trouble_with_too_many_members_by_itself_the_newest_are_not_counted() {
    let mut view = view();
    let trouble = 100_000;
    join(&mut view, trouble, 0..25_000);
    assert_eq!(members(&view, trouble), Some(20_000));
    assert_eq!(view.troubles[&AlertId(trouble)].agents.len(), MAX_MEMBERS);
    let mut late = alert(trouble, 24_999);
    view.cut(&mut late);
    assert_eq!(late.common.unwrap().id, AlertId(trouble), "it is on the card all the same");
}
