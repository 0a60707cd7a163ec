//! What no honest peer sends gets an exact error that names the thing, and nothing else happens.

#[path = "shared/examples.rs"]
mod examples;
#[path = "shared/value.rs"]
mod value;

use examples::Set;
use proptest::prelude::*;
use value::Value;
use watchkeeper_model::{Label, Note};
use watchkeeper_protocol::{
    AgentMessage, DecodeError, FirstFrame, MAX_FRAME, OperatorMessage, ToAgent, ToOperator, Wire,
    scan::ShapeError,
    session::{ErrorCode, ErrorReport},
};

/// Returns the body of a golden example.
fn body(set: Set, kind: &str, name: &str) -> Value {
    let all = examples::all();
    let found = all.iter().find(|example| (example.set, example.kind, example.name) == (set, kind, name));
    Value::of_frame(&found.unwrap_or_else(|| panic!("no example {kind} {name}")).frame).1
}

fn heartbeat() -> Value {
    body(Set::FromAgent, "heartbeat", "autonomous")
}

fn decision() -> Value {
    body(Set::FromAgent, "decision", "full")
}

fn agent_error(frame: &[u8]) -> DecodeError {
    AgentMessage::decode(frame).expect_err("the frame is hostile")
}

fn hello_error(body: Value) -> DecodeError {
    FirstFrame::decode(&body.into_frame("hello")).expect_err("the hello is hostile")
}

fn decision_error(body: Value) -> DecodeError {
    agent_error(&body.into_frame("decision"))
}

/// Asserts that `error` blames exactly this field, in its variant, its text and its report.
#[track_caller]
fn blames(error: &DecodeError, kind: &str, field: &str, problem: &str) {
    let DecodeError::Field { kind: found_kind, field: found_field, problem: found } = error else {
        panic!("{error:?} blames no field")
    };
    assert_eq!((found_kind.as_str(), found_field.as_str()), (kind, field), "{error}");
    assert!(found.as_str().contains(problem), "{found} does not say {problem}");
    assert!(error.to_string().starts_with(&format!("{kind}: field {field}: ")), "{error}");
    let report = error.report();
    assert_eq!(report.code, ErrorCode::BadField);
    assert_eq!(report.kind, Some(Label::cut(kind)));
    assert_eq!(report.field, Some(Label::cut(field)));
}

#[track_caller]
fn misshapen(frame: &[u8], expected: ShapeError, text: &str) {
    let errors = [
        agent_error(frame),
        ToAgent::decode(frame).expect_err("hostile"),
        OperatorMessage::decode(frame).expect_err("hostile"),
        ToOperator::decode(frame).expect_err("hostile"),
        FirstFrame::decode(frame).expect_err("hostile"),
    ];
    for error in errors {
        assert_eq!(error, DecodeError::Shape(expected));
        assert_eq!(error.to_string(), text);
        let code = match expected {
            ShapeError::TooLarge(_) => ErrorCode::TooLarge,
            ShapeError::CutShort { .. }
            | ShapeError::Trailing { .. }
            | ShapeError::TooDeep { .. }
            | ShapeError::TooMany { .. }
            | ShapeError::Extension { .. } => ErrorCode::Malformed,
        };
        assert_eq!(error.report(), ErrorReport { code, message: Note::cut(text), kind: None, field: None });
    }
}

/// Returns `["heartbeat", ` and then `rest`.
fn after_kind(rest: &[u8]) -> Vec<u8> {
    [b"\x92\xa9heartbeat", rest].concat()
}

#[test]
fn five_thousand_nested_arrays_are_too_deep() {
    let text = "arrays and maps are nested deeper than 16 at byte 16";
    misshapen(&[0x91; 5_000], ShapeError::TooDeep { at: 16 }, text);
}

#[test]
fn nested_maps_are_too_deep_also_in_an_unknown_field() {
    let deep = after_kind(&[b"\x81\xa1x".as_slice(), &b"\x81\xa1y".repeat(15), &[0xc0]].concat());
    let error = agent_error(&deep);
    assert!(matches!(error, DecodeError::Shape(ShapeError::TooDeep { .. })), "{error}");
}

#[test]
fn sixteen_levels_are_not_too_deep() {
    // The frame's array, the body's map, and fourteen arrays in a field that nobody knows.
    let nested = (0..14).fold(Value::Nil, |inner, _| Value::List(vec![inner]));
    let frame = heartbeat().set("x", nested).into_frame("heartbeat");
    assert!(AgentMessage::decode(&frame).is_ok());
}

#[test]
fn lists_and_maps_of_four_gibi_entries_are_refused_by_what_they_claim() {
    let claimed = u32::MAX;
    for marker in [0xdd, 0xdf] {
        let frame = after_kind(&[marker, 0xff, 0xff, 0xff, 0xff]);
        let text = "the list or map at byte 11 claims 4294967295 entries, at most 1024 are allowed";
        misshapen(&frame, ShapeError::TooMany { at: 11, claimed }, text);
    }
    let text = "the list or map at byte 0 claims 4294967295 entries, at most 1024 are allowed";
    misshapen(&[0xdd, 0xff, 0xff, 0xff, 0xff], ShapeError::TooMany { at: 0, claimed }, text);
}

#[test]
fn strings_and_bytes_of_four_gibi_are_cut_short() {
    for marker in [0xdb, 0xc6] {
        let frame = after_kind(&[marker, 0xff, 0xff, 0xff, 0xff, b'x']);
        let text = "the frame ends inside the value that starts at byte 11";
        misshapen(&frame, ShapeError::CutShort { at: 11 }, text);
    }
}

#[test]
fn every_cut_of_a_frame_is_cut_short() {
    for example in examples::all() {
        for length in 0..example.frame.len() {
            let error = example.set.round_trip(&example.frame[..length]).expect_err("the frame is cut");
            assert!(matches!(error, DecodeError::Shape(ShapeError::CutShort { .. })), "{length}: {error}");
        }
    }
}

#[test]
fn one_byte_over_sixty_four_kibi_is_too_large() {
    let empty = heartbeat().set("pad", Value::Bytes(Vec::new())).into_frame("heartbeat").len() + 1;
    let padded =
        |size: usize| heartbeat().set("pad", Value::Bytes(vec![0; size - empty])).into_frame("heartbeat");
    let largest = padded(MAX_FRAME);
    assert_eq!(largest.len(), MAX_FRAME);
    assert!(AgentMessage::decode(&largest).is_ok(), "the largest frame is taken");
    let text = "the frame has 65537 bytes, at most 65536 are allowed";
    misshapen(&padded(MAX_FRAME + 1), ShapeError::TooLarge(MAX_FRAME + 1), text);
    misshapen(
        &vec![0xc0; 65 * 1024],
        ShapeError::TooLarge(66_560),
        "the frame has 66560 bytes, at most 65536 are allowed",
    );
}

#[test]
fn trailing_bytes_are_refused() {
    let mut frame = heartbeat().into_frame("heartbeat");
    let at = frame.len();
    frame.extend([0xc0, 0xc0]);
    misshapen(
        &frame,
        ShapeError::Trailing { at, extra: 2 },
        &format!("2 bytes follow the frame's end at byte {at}"),
    );
}

#[test]
fn extension_types_and_the_reserved_marker_are_refused() {
    let text = "an extension type or reserved marker at byte 11, which v1 does not use";
    for marker in [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8] {
        misshapen(&after_kind(&[marker, 0, 0, 0, 0, 0]), ShapeError::Extension { at: 11 }, text);
    }
}

#[test]
fn what_is_not_a_pair_of_kind_and_body_is_not_a_frame() {
    let long_kind = Value::Map(Vec::new()).into_frame(&"x".repeat(65));
    let not_frames: [&[u8]; 7] = [
        &[0xc0],
        b"\xa5hello",
        &[0x90],
        &[0x91, 0xa1, b'x'],
        &[0x93, 0xa1, b'x', 0x80, 0x80],
        &[0x92, 0x07, 0x80],
        &long_kind,
    ];
    for frame in not_frames {
        let error = agent_error(frame);
        assert_eq!(error, DecodeError::NotAFrame);
        assert_eq!(
            error.to_string(),
            "a frame is an array of two, [kind, body], with the kind a string of at most 64 bytes"
        );
        assert_eq!(error.report().code, ErrorCode::Malformed);
    }
}

#[test]
fn an_unknown_message_is_named() {
    for kind in ["flyby", "", "\u{1b}[2J"] {
        let error = agent_error(&Value::Map(Vec::new()).into_frame(kind));
        assert_eq!(error, DecodeError::UnknownMessage { kind: Note::cut(kind) });
        assert_eq!(error.to_string(), format!("no message is called \"{}\"", Note::cut(kind)));
        assert!(!error.to_string().contains('\u{1b}'), "an agent cannot steer a terminal");
        assert_eq!(error.report().code, ErrorCode::UnknownMessage);
        assert_eq!(error.report().kind, Some(Label::cut(kind)));
    }
    // A message of the other side is as unknown as any.
    let grant = body(Set::ToAgent, "grant", "full").into_frame("grant");
    assert!(matches!(agent_error(&grant), DecodeError::UnknownMessage { .. }));
}

#[test]
fn the_first_frame_must_be_a_hello_of_a_known_session() {
    let error = FirstFrame::decode(&heartbeat().into_frame("heartbeat")).expect_err("not a hello");
    assert_eq!(error, DecodeError::NotHello { kind: Note::cut("heartbeat") });
    assert_eq!(error.to_string(), "the first frame must be hello, got \"heartbeat\"");
    assert_eq!(error.report().code, ErrorCode::NoHello);

    let hello = body(Set::FromAgent, "hello", "full");
    blames(&hello_error(hello.clone().without("session")), "hello", "session", "missing field `session`");
    blames(&hello_error(hello.clone().set("session", Value::text("spy"))), "hello", "session", "spy");
    blames(&hello_error(hello.set("session", Value::Int(0))), "hello", "session", "integer `0`");
}

#[test]
fn every_required_field_of_every_message_is_missed_by_its_name() {
    let mut missed = 0;
    for example in examples::all() {
        let (kind, whole) = Value::of_frame(&example.frame);
        let Value::Map(entries) = &whole else { panic!("a body is a map") };
        for (key, _) in entries {
            let Value::Text(field) = key else { panic!("a key is text") };
            let frame = whole.clone().without(field).into_frame(&kind);
            if let Err(error) = example.set.round_trip(&frame) {
                blames(&error, &kind, field, &format!("missing field `{field}`"));
                missed += 1;
            }
        }
    }
    assert!(missed > 200, "only {missed} fields are required");
}

#[test]
fn every_mistyped_field_of_every_message_is_named() {
    for example in examples::all() {
        let (kind, whole) = Value::of_frame(&example.frame);
        let Value::Map(entries) = &whole else { panic!("a body is a map") };
        for (key, value) in entries {
            let Value::Text(field) = key else { panic!("a key is text") };
            let wrong = match value {
                Value::Map(_) | Value::List(_) | Value::Bool(_) => Value::text("wrong"),
                Value::Nil | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Bytes(_) => {
                    Value::Bool(true)
                }
            };
            let frame = whole.clone().set(field, wrong).into_frame(&kind);
            let error = example.set.round_trip(&frame).expect_err("the type is wrong");
            blames(&error, &kind, field, "invalid type");
        }
    }
}

#[test]
fn a_nested_field_is_named_by_its_path() {
    let spec = |name| Value::Map(vec![(Value::text("name"), name), (Value::text("unit"), Value::text("m"))]);
    let hello = body(Set::FromAgent, "hello", "full");
    let signals = Value::List(vec![spec(Value::text("a")), spec(Value::Int(3))]);
    blames(&hello_error(hello.clone().set("signals", signals)), "hello", "signals[1].name", "integer `3`");
    let signals = Value::List(vec![spec(Value::text("a")).without("unit")]);
    blames(&hello_error(hello.set("signals", signals)), "hello", "signals[0].unit", "missing field `unit`");

    let context = decision().get("context").expect("the example has one").clone();
    let pose =
        context.get("pose").expect("the example has one").clone().set("y_meters", Value::text("south"));
    let error = decision_error(decision().set("context", context.set("pose", pose)));
    blames(&error, "decision", "context.pose.y_meters", "string \"south\"");
}

#[test]
fn a_confidence_outside_zero_to_one_is_refused() {
    for (wrong, shown) in [(f64::NAN, "NaN"), (1.5, "1.5"), (-0.1, "-0.1"), (f64::INFINITY, "inf")] {
        let error = decision_error(decision().set("confidence", Value::Float(wrong)));
        blames(&error, "decision", "confidence", &format!("a confidence lies between 0 and 1, got {shown}"));
    }
}

#[test]
fn a_number_takes_every_form_of_its_value() {
    // float 32, integers: all are read as the float they stand for.
    for (bytes, expected) in [([0xca, 0x3f, 0, 0, 0].as_slice(), 0.5), (&[0x01], 1.0), (&[0xcc, 0x00], 0.0)] {
        let frame =
            [b"\x92\xa8decision\x84\xa3seq\x01\xa7made_at\x00\xa6action\xa1x\xaaconfidence", bytes].concat();
        let AgentMessage::Decision(decision) = AgentMessage::decode(&frame).unwrap() else { panic!() };
        assert!((decision.confidence.unwrap().get() - expected).abs() < 1e-9);
    }
    // A float is no integer, not even a whole one.
    let error = decision_error(decision().set("seq", Value::Float(1.0)));
    blames(&error, "decision", "seq", "floating point `1.0`");
}

#[test]
fn an_integer_outside_its_range_is_refused() {
    blames(&decision_error(decision().set("seq", Value::Int(-1))), "decision", "seq", "integer `-1`");
    let huge = Value::Int(u64::MAX.into());
    let ping = body(Set::ToAgent, "ping", "later").set("offset_nanos", huge).into_frame("ping");
    blames(&ToAgent::decode(&ping).expect_err("over i64"), "ping", "offset_nanos", "18446744073709551615");
    let ack = body(Set::FromAgent, "ack", "in_progress");
    for (percent, problem) in [(256, "integer `256`"), (101, "between 0 and 100, got 101")] {
        let frame = ack.clone().set("percent", Value::Int(percent)).into_frame("ack");
        blames(&agent_error(&frame), "ack", "percent", problem);
    }
    let level = body(Set::FromAgent, "heartbeat", "fallback").set("fallback_level", Value::Int(4));
    blames(&agent_error(&level.into_frame("heartbeat")), "heartbeat", "fallback_level", "got 4");
}

#[test]
fn a_speed_cap_that_caps_nothing_is_refused() {
    for wrong in [f64::NAN, f64::INFINITY, -1.0] {
        let command = body(Set::ToAgent, "command", "speed_cap");
        let args = command.get("args").unwrap().clone().set("speed_mps", Value::Float(wrong));
        let error = ToAgent::decode(&command.set("args", args).into_frame("command")).expect_err("no cap");
        blames(&error, "command", "args.speed_mps", "a speed cap is finite and 0 m/s or more");
    }
}

#[test]
fn figures_with_which_no_limit_can_be_counted_are_refused() {
    let hello = body(Set::FromAgent, "hello", "full");
    let drive = hello.get("drive").unwrap().clone();
    for wrong in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let drive = drive.clone().set("top_speed_mps", Value::Float(wrong));
        let error = hello_error(hello.clone().set("drive", drive));
        blames(&error, "hello", "drive.top_speed_mps", "a top speed is finite and above 0 m/s");
    }
    let minute = 60_000_000_000;
    let with = |nanos| hello.clone().set("drive", drive.clone().set("actuation_nanos", Value::Int(nanos)));
    assert!(FirstFrame::decode(&with(minute).into_frame("hello")).is_ok());
    let error = hello_error(with(minute + 1));
    blames(&error, "hello", "drive.actuation_nanos", "at most 60000000000 ns, got 60000000001");

    let with = |nanos| {
        let probe = body(Set::FromOperator, "probe", "full").set("display_nanos", Value::Int(nanos));
        OperatorMessage::decode(&probe.into_frame("probe"))
    };
    assert!(with(minute).is_ok());
    blames(&with(minute + 1).unwrap_err(), "probe", "display_nanos", "at most 60000000000 ns");
    blames(&with(-1).unwrap_err(), "probe", "display_nanos", "integer `-1`");
    for wrong in [f64::NAN, f64::INFINITY, -0.5] {
        let set = |set, name| body(set, "probed", name).set("latency_cap_mps", Value::Float(wrong));
        let error = agent_error(&set(Set::FromAgent, "limited").into_frame("probed"));
        blames(&error, "probed", "latency_cap_mps", "a speed cap is finite and 0 m/s or more");
        let error = ToOperator::decode(&set(Set::ToOperator, "limited").into_frame("probed")).unwrap_err();
        blames(&error, "probed", "latency_cap_mps", "a speed cap is finite and 0 m/s or more");
    }
}

#[test]
fn a_list_over_its_bound_is_refused_with_the_bound() {
    let signals = |count| Value::List(vec![Value::Float(0.0); count]);
    assert!(AgentMessage::decode(&decision().set("signals", signals(64)).into_frame("decision")).is_ok());
    let error = decision_error(decision().set("signals", signals(65)));
    blames(&error, "decision", "signals", "more than 64 items");

    let alternative = decision().get("alternatives").map(|list| list.first().clone());
    let many = Value::List(vec![alternative.unwrap(); 17]);
    blames(
        &decision_error(decision().set("alternatives", many)),
        "decision",
        "alternatives",
        "more than 16 items",
    );

    let alerts = Value::List(vec![Value::Int(1); 65]);
    let presented =
        body(Set::FromOperator, "presented", "full").set("alerts", alerts).into_frame("presented");
    let error = OperatorMessage::decode(&presented).expect_err("too many alerts");
    blames(&error, "presented", "alerts", "more than 64 items");
}

#[test]
fn text_and_ids_over_their_bound_or_out_of_their_alphabet_are_refused() {
    let error = decision_error(decision().set("action", Value::Text("x".repeat(65))));
    blames(&error, "decision", "action", "the text has 65 bytes, at most 64 are allowed");
    let hello = body(Set::FromAgent, "hello", "full");
    blames(&hello_error(hello.clone().set("agent", Value::text("a/b"))), "hello", "agent", "found '/'");
    blames(&hello_error(hello.clone().set("agent", Value::text(""))), "hello", "agent", "must not be empty");
    for wrong in [Value::Bytes(vec![0; 15]), Value::text("0192f3a4-5b6c-4d7e-8f90-a1b2c3d4e5f6")] {
        blames(&hello_error(hello.clone().set("boot_id", wrong)), "hello", "boot_id", "invalid");
    }
    let head = body(Set::ToAgent, "head", "full").set("hash", Value::Bytes(vec![0; 31])).into_frame("head");
    blames(&ToAgent::decode(&head).expect_err("31 bytes"), "head", "hash", "expected 32 bytes");
    let text = [b"\x92\xb4request_intervention\x81\xa6reason\xa2".as_slice(), &[0xff, 0xfe]].concat();
    blames(&agent_error(&text), "request_intervention", "reason", "invalid");
}

#[test]
fn only_the_documented_encoding_of_a_message_is_taken() {
    // serde by itself takes structs as arrays, words and fields by number, and text as bytes.
    blames(&agent_error(&after_kind(&[0x90])), "heartbeat", ".", "invalid type: sequence");
    let numbered = heartbeat().set("control_state", Value::Int(3)).into_frame("heartbeat");
    blames(&agent_error(&numbered), "heartbeat", "control_state", "invalid type: integer `3`");
    let mapped = Value::Map(vec![(Value::text("human"), Value::Nil)]);
    let mapped = heartbeat().set("control_state", mapped).into_frame("heartbeat");
    blames(&agent_error(&mapped), "heartbeat", "control_state", "invalid type: map");
    let signals = Value::List(vec![Value::List(vec![Value::text("speed"), Value::text("m/s")])]);
    let hello = body(Set::FromAgent, "hello", "full").set("signals", signals);
    blames(&hello_error(hello), "hello", "signals[0]", "invalid type: sequence");
    let bytes = decision().set("action", Value::Bytes(b"brake".to_vec()));
    blames(&decision_error(bytes), "decision", "action", "invalid type: byte array");
    let keyed_by_number = after_kind(&[0x81, 0x00, 0xc0]);
    let error = agent_error(&keyed_by_number);
    assert!(matches!(error, DecodeError::Field { .. }), "{error}");
    assert!(error.to_string().contains("integer `0`"), "{error}");
}

#[test]
fn a_setpoint_outside_its_range_moves_nothing() {
    let report = body(Set::FromOperator, "heartbeat", "full");
    for (field, other) in [("steer", "accelerate"), ("accelerate", "steer")] {
        for wrong in [f64::NAN, f64::INFINITY, -1.01, 1.01] {
            let setpoint = Value::Map(vec![
                (Value::text(field), Value::Float(wrong)),
                (Value::text(other), Value::Int(0)),
            ]);
            let frame = report.clone().set("setpoint", setpoint.clone()).into_frame("heartbeat");
            let error = OperatorMessage::decode(&frame).unwrap_err();
            blames(&error, "heartbeat", &format!("setpoint.{field}"), "a setpoint lies between -1 and 1");
            let holder = body(Set::ToAgent, "holder", "full").set("setpoint", setpoint).into_frame("holder");
            let error = ToAgent::decode(&holder).unwrap_err();
            blames(&error, "holder", &format!("setpoint.{field}"), "a setpoint lies between -1 and 1");
        }
    }
}

#[test]
fn what_consoles_are_shown_has_bounds_too() {
    let many = |set, kind, name, field, found: usize| {
        let whole = body(set, kind, name);
        let Some(Value::List(items)) = whole.get(field) else { panic!("{field} is a list") };
        let items = vec![items[0].clone(); found];
        ToOperator::decode(&whole.set(field, Value::List(items)).into_frame(kind))
    };
    for (kind, name, field, most) in [
        ("telemetry", "full", "plan", 16),
        ("snapshot", "last_part", "takeovers", 8),
        ("roster", "full", "operators", 64),
    ] {
        assert!(many(Set::ToOperator, kind, name, field, most).is_ok());
        let error = many(Set::ToOperator, kind, name, field, most + 1).unwrap_err();
        assert!(error.to_string().contains(&format!("more than {most} items")), "{error}");
    }
}

#[test]
fn an_unknown_word_is_refused_with_the_words_there_are() {
    let frame = heartbeat().set("control_state", Value::text("flying")).into_frame("heartbeat");
    let error = agent_error(&frame);
    blames(&error, "heartbeat", "control_state", "unknown variant `flying`");
    assert!(error.to_string().contains("autonomous"), "{error}");
}

#[test]
fn a_doubled_field_is_named() {
    let Value::Map(mut entries) = heartbeat() else { panic!("a body is a map") };
    entries.push((Value::text("now"), Value::Int(1)));
    let error = agent_error(&Value::Map(entries).into_frame("heartbeat"));
    blames(&error, "heartbeat", "now", "duplicate field `now`");
}

#[test]
fn unknown_fields_are_ignored_whatever_they_hold() {
    let odd = [
        Value::Nil,
        Value::Text("x".repeat(30_000)),
        Value::List(vec![Value::Map(vec![(Value::Int(3), Value::Bytes(vec![1]))])]),
    ];
    for example in examples::all() {
        let (kind, whole) = Value::of_frame(&example.frame);
        for value in &odd {
            let frame = whole.clone().set("from_the_future", value.clone()).into_frame(&kind);
            assert_eq!(example.set.round_trip(&frame), Ok(example.frame.clone()), "{kind}");
        }
    }
}

#[test]
fn an_optional_field_may_be_nil() {
    for field in ["confidence", "subject", "context", "waiting"] {
        let frame = decision().set(field, Value::Nil).into_frame("decision");
        assert!(AgentMessage::decode(&frame).is_ok(), "{field}");
    }
}

#[test]
fn a_report_about_the_longest_nonsense_fits_a_frame() {
    let nonsense = heartbeat().set("control_state", Value::Text("\u{1b}".repeat(60_000)));
    let report = agent_error(&nonsense.into_frame("heartbeat")).report();
    let frame = ToAgent::Error(report).encode();
    assert!(frame.len() < 1_024, "{}", frame.len());
    assert!(ToAgent::decode(&frame).is_ok());
}

fn decode_all(frame: &[u8]) {
    for set in [Set::FromAgent, Set::ToAgent, Set::FromOperator, Set::ToOperator] {
        // Whatever a frame decodes to can be encoded and read again.
        match set.round_trip(frame) {
            Ok(again) => assert_eq!(set.round_trip(&again), Ok(again.clone()), "an encoding is stable"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(frame in prop::collection::vec(any::<u8>(), 0..600)) {
        decode_all(&frame);
    }

    #[test]
    fn random_bytes_behind_a_known_kind_never_panic(
        choice in any::<prop::sample::Index>(),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let all = examples::all();
        let kind = choice.get(&all).kind;
        let mut frame = vec![0x92, 0xa0 | u8::try_from(kind.len()).unwrap()];
        frame.extend(kind.as_bytes());
        frame.extend(rest);
        decode_all(&frame);
    }

    #[test]
    fn a_golden_frame_with_spoiled_bytes_never_panics(
        choice in any::<prop::sample::Index>(),
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let all = examples::all();
        let mut frame = choice.get(&all).frame.to_vec();
        for (place, byte) in spoiled {
            let place = place.index(frame.len());
            frame[place] = byte;
        }
        decode_all(&frame);
    }
}
