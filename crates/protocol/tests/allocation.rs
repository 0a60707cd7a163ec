//! Decoding a hostile frame never holds more than 8 bytes a byte of the frame, plus 64 KiB.

#[path = "shared/examples.rs"]
mod examples;
#[path = "shared/value.rs"]
mod value;

use examples::Set;
use peak_alloc::PeakAlloc;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::hint::black_box;
use value::Value;
use watchkeeper_protocol::{
    AgentMessage, FirstFrame, Hello, MAX_FRAME, OperatorMessage, ToAgent, ToOperator, Wire, agent::AgentHello,
};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Returns the most bytes that were held at once while `work` ran, above what was held before.
fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    drop(black_box(work()));
    HEAP.peak_usage().saturating_sub(before)
}

/// Decodes `frame` as each set of messages, and returns the worst of the peaks.
fn worst_peak(frame: &[u8]) -> usize {
    let peaks = [
        peak_of(|| FirstFrame::decode(frame)),
        peak_of(|| AgentMessage::decode(frame)),
        peak_of(|| ToAgent::decode(frame)),
        peak_of(|| OperatorMessage::decode(frame)),
        peak_of(|| ToOperator::decode(frame)),
    ];
    peaks.into_iter().max().expect("there are five")
}

#[track_caller]
fn assert_bounded(frame: &[u8], what: &str) {
    let (peak, bound) = (worst_peak(frame), 8 * frame.len() + 64 * 1024);
    assert!(peak <= bound, "{what}: {peak} bytes held for a frame of {}, at most {bound}", frame.len());
}

fn framed(set: Set, kind: &str, change: impl Fn(Value) -> Value) -> Vec<u8> {
    let all = examples::all();
    let found = all.iter().find(|example| example.set == set && example.kind == kind).expect("an example");
    change(Value::of_frame(&found.frame).1).into_frame(kind)
}

/// The smallest agent and alert of a snapshot that decode, to hold most for a byte.
fn stuffed_snapshot() -> Vec<u8> {
    framed(Set::ToOperator, "snapshot", |body| {
        let first = |list: &str| body.get(list).expect("the example has one").first().clone();
        let empty = Value::text("");
        let spec = Value::Map(vec![(Value::text("name"), empty.clone()), (Value::text("unit"), empty)]);
        let agent = first("agents").set("signals", Value::List(vec![spec; 64]));
        body.clone().set("agents", Value::List(vec![agent; 40])).set("alerts", Value::List(Vec::new()))
    })
}

fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let golden = examples::all().into_iter().map(|example| (example.kind, example.frame.to_vec()));
    let claim = |marker: u8| [b"\x92\xa8snapshot\x81\xa6agents".as_slice(), &[marker], &[0xff; 4]].concat();
    let long = |text: &str| Value::Text(text.repeat(60_000));
    let hostile = [
        ("nothing", Vec::new()),
        ("nested arrays", vec![0x91; 5_000]),
        ("nested huge arrays", [0xdd, 0xff, 0xff, 0xff, 0xff].repeat(1_200)),
        ("array of 4 Gi", claim(0xdd)),
        ("map of 4 Gi", claim(0xdf)),
        ("text of 4 GiB", claim(0xdb)),
        ("bytes of 4 GiB", claim(0xc6)),
        ("too large", vec![0xc0; 65 * 1024]),
        ("much too large", vec![0xc0; 4 * 1024 * 1024]),
        ("a long word", framed(Set::FromAgent, "heartbeat", |body| body.set("control_state", long("w")))),
        (
            "a long word of escapes",
            framed(Set::FromAgent, "heartbeat", |body| body.set("control_state", long("\u{1b}"))),
        ),
        ("a long label", framed(Set::FromAgent, "decision", |body| body.set("action", long("x")))),
        ("a long id", framed(Set::FromAgent, "hello", |body| body.set("agent", long("\"")))),
        ("a long mistyped text", framed(Set::FromAgent, "heartbeat", |body| body.set("now", long("\u{1b}")))),
        ("text for a struct", framed(Set::FromAgent, "decision", |body| body.set("context", long("\u{1b}")))),
        ("text for a list", framed(Set::FromAgent, "decision", |body| body.set("signals", long("\u{1b}")))),
        ("text for bytes", framed(Set::FromAgent, "heartbeat", |body| body.set("boot_id", long("\u{1b}")))),
        (
            "a long field",
            framed(Set::FromAgent, "heartbeat", |body| body.set(&"k".repeat(60_000), Value::Nil)),
        ),
        ("a long kind", Value::Map(Vec::new()).into_frame(&"k".repeat(60_000))),
        (
            "empty lists",
            framed(Set::FromAgent, "decision", |body| {
                body.set("x", Value::List(vec![Value::List(vec![Value::List(Vec::new()); 60]); 1_000]))
            }),
        ),
        ("a stuffed snapshot", stuffed_snapshot()),
    ];
    golden.chain(hostile).collect()
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(|number| Value::Int(number.into())),
        any::<f64>().prop_map(Value::Float),
        "[a-z\u{1b}\"]{0,80}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Value::Bytes),
    ]
}

/// A known field name or an odd one, so that generated maps get past the first field.
fn key() -> impl Strategy<Value = Value> {
    const NAMES: [&str; 10] =
        ["signals", "latches", "agents", "alerts", "args", "context", "plan", "name", "seq", "odd"];
    prop::sample::select(NAMES.as_slice()).prop_map(Value::text)
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(8, 2_000, 64, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..64).prop_map(Value::List),
            (inner.clone(), 0usize..1_024).prop_map(|(item, count)| Value::List(vec![item; count.min(200)])),
            prop::collection::vec((key(), inner), 0..20).prop_map(Value::Map),
        ]
    })
}

/// Replaces one field of a golden body by any value, and may make a length claim huge afterwards.
fn spoiled() -> impl Strategy<Value = Vec<u8>> {
    let claim = prop_oneof![
        Just(None),
        (
            any::<prop::sample::Index>(),
            prop::sample::select([0xdd_u8, 0xdf, 0xdb, 0xc6, 0xdc, 0xde].as_slice())
        )
            .prop_map(Some),
    ];
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), tree(), claim).prop_map(
        |(which, field, value, claim)| {
            let all = examples::all();
            let (kind, body) = Value::of_frame(&which.get(&all).frame);
            let Value::Map(mut entries) = body else { panic!("a body is a map") };
            let place = field.index(entries.len());
            entries.get_mut(place).expect("the place is inside").1 = value;
            let mut frame = Value::Map(entries).into_frame(&kind);
            if let Some((place, marker)) = claim {
                let place = place.index(frame.len());
                frame.splice(place..=place, [marker, 0xff, 0xff, 0xff, 0xff]);
            }
            frame
        },
    )
}

/// One test, because the peak is counted over the whole process.
#[test]
fn no_hostile_frame_holds_more_than_eight_times_its_size_and_64_kib() {
    let kept = peak_of(|| vec![0u8; 100_000]);
    assert!((100_000..110_000).contains(&kept), "the counter counts: {kept}");

    for (what, frame) in corpus() {
        assert_bounded(&frame, what);
    }
    let stuffed = stuffed_snapshot();
    assert!(
        stuffed.len() <= MAX_FRAME && ToOperator::decode(&stuffed).is_ok(),
        "the worst case is a valid one"
    );

    // Well-formed trees in the place of one field, and lengths that lie.
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&spoiled(), |frame| {
        let (peak, bound) = (worst_peak(&frame), 8 * frame.len() + 64 * 1024);
        prop_assert!(peak <= bound, "{peak} bytes held for a frame of {}: {frame:02x?}", frame.len());
        Ok(())
    });
    outcome.expect("every generated frame stays within the bound");

    let hello = framed(Set::FromAgent, "hello", |body| body);
    let Ok(Hello::Agent(AgentHello { signals, .. })) = FirstFrame::decode(&hello) else { panic!("a hello") };
    assert_eq!(signals.len(), 2, "what was measured is a real decoding");
}
