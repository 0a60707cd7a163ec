//! The generated part of `docs/protocol.md`: tables from the source's own documentation, examples from the
//! golden frames.

use super::{
    examples::{self, Example, Set},
    schema::{Field, Schema, Type, core, fixed},
    value::{Value, hex},
};
use std::{collections::BTreeSet, fmt::Write};

pub(crate) const BEGIN: &str = "<!-- generated from the source and the golden examples; to renew: \
                                UPDATE_DOCS=1 cargo test -p watchkeeper-protocol -->\n";
pub(crate) const END: &str = "<!-- end of generated part -->";

const SETS: [(Set, &str); 4] = [
    (Set::FromAgent, "What an agent sends"),
    (Set::ToAgent, "What the monitor sends to an agent"),
    (Set::FromOperator, "What an operator sends"),
    (Set::ToOperator, "What the monitor sends to an operator"),
];

/// Returns the direction, as headings say it.
pub(crate) const fn who(set: Set) -> &'static str {
    match set {
        Set::FromAgent => "from agent",
        Set::ToAgent => "to agent",
        Set::FromOperator => "from operator",
        Set::ToOperator => "to operator",
    }
}

/// Returns the generated part.
pub(crate) fn generate() -> String {
    let schema = Schema::read();
    let mut text = String::from(
        "\n## Messages\n\nThe order is that of the source; examples are shown as a value and as bytes.\n",
    );
    let mut bodies = Vec::new();
    let all = examples::all();
    for (set, title) in SETS {
        write!(text, "\n### {title}\n").expect("a String takes every write");
        for kind in set.kinds() {
            let body = schema.body_of(set.word(), kind);
            let shown = all.iter().filter(|example| example.set == set && example.kind == kind);
            message(&mut text, set, kind, schema.named(&body), &schema);
            shown.for_each(|example| write_example(&mut text, example));
            bodies.push(body);
        }
    }
    let reachable = schema.reachable(&bodies);
    let mentioned: BTreeSet<&str> = bodies.iter().map(String::as_str).collect();
    text.push_str("\n## Parts\n\nMaps inside messages.\n");
    for name in schema.order.iter().filter(|name| reachable.contains(*name)) {
        let part = schema.named(name);
        // `Decision` is a body; a body is shown with its message.
        if !part.fields.is_empty() && !mentioned.contains(name.as_str()) {
            write!(text, "\n#### {name}\n\n{}\n\n", plain(&part.doc)).expect("a String takes every write");
            fields(&mut text, &part.fields, &schema);
        }
    }
    text.push_str("\n## Words\n\nAll lists are closed, but for ErrorCode.\n");
    for name in schema.order.iter().filter(|name| reachable.contains(*name)) {
        let list = schema.named(name);
        if !list.words.is_empty() {
            write!(text, "\n#### {name}\n\n{}\n\n| Word | Meaning |\n|---|---|\n", plain(&list.doc))
                .expect("a String takes every write");
            for (word, doc, _) in &list.words {
                writeln!(text, "| `{word}` | {} |", plain(doc)).expect("a String takes every write");
            }
        }
    }
    text.push('\n');
    text
}

fn message(text: &mut String, set: Set, kind: &str, body: &Type, schema: &Schema) {
    write!(text, "\n#### `{kind}` ({})\n\n{}\n\n", who(set), plain(&body.doc))
        .expect("a String takes every write");
    fields(text, &body.fields, schema);
}

fn fields(text: &mut String, fields: &[Field], schema: &Schema) {
    text.push_str("| Field | Type | Required | Meaning |\n|---|---|---|---|\n");
    for field in fields {
        let required = if field.required { "yes" } else { "no" };
        let (of, doc) = (wire(&field.of, schema), plain(&field.doc));
        writeln!(text, "| `{}` | {of} | {required} | {doc} |", field.name)
            .expect("a String takes every write");
    }
}

fn write_example(text: &mut String, example: &Example) {
    let (kind, body) = Value::of_frame(&example.frame);
    let shown = Value::List(vec![Value::Text(kind), body]).shown(0);
    let bytes = hex(&example.frame).into_bytes();
    let rows: Vec<&str> =
        bytes.chunks(100).map(|row| std::str::from_utf8(row).expect("hex digits")).collect();
    let name = example.name.replace('_', " ");
    write!(text, "\nExample ({name}):\n\n```text\n{shown}\n```\n\n```hex\n{}\n```\n", rows.join("\n"))
        .expect("a String takes every write");
}

/// Returns how a type goes over the wire, in the words of the chapter on types.
fn wire(of: &str, schema: &Schema) -> String {
    if let Some(inner) = of.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        return wire(inner, schema);
    }
    if let Some(inner) = of.strip_prefix("Vec<").and_then(|rest| rest.strip_suffix('>')) {
        return format!("list of {}", wire(inner, schema));
    }
    if let Some((inner, length)) = fixed(of) {
        let nil = if inner.starts_with("Option<") { ", nil where it has none" } else { "" };
        return format!("list of {length}: {}{nil}", wire(inner, schema));
    }
    if let Some(known) = schema.types.get(core(of)) {
        let what = if known.fields.is_empty() { "word" } else { "map" };
        return format!("{what} [{of}](#{})", of.to_lowercase());
    }
    match of {
        "Label" => "text 64",
        "Note" => "text 512",
        "BearerToken" => "text 2048",
        "Scope" => "list of text 65",
        "AgentId" | "PersonId" => "id",
        "BootId" | "CommandId" => "uuid",
        "SessionId" | "AlertId" | "DemandId" | "Epoch" | "LatchId" | "Incarnation" | "DecisionSeq"
        | "StateVersion" | "SceneId" | "u64" => "int",
        "i64" => "int, signed",
        "u32" => "int to 2^32-1",
        "u8" => "int to 255",
        "FallbackLevel" => "int 0 to 3",
        "f64" => "float",
        "Confidence" => "confidence",
        "bool" => "flag",
        "AgentTime" => "agent clock",
        "MonoTime" => "monitor clock",
        "[u8; 32]" => "hash",
        unknown => panic!("the document has no word for the type {unknown}"),
    }
    .to_owned()
}

/// Returns a comment of the source as a stranger to the source reads it.
fn plain(doc: &str) -> String {
    let text = doc.replace("`None`", "absent").replace('|', "\\|");
    // References to the chapters of a design document: " (`takeover.md` 1.5)", "(ISA-18.2; `takeover.md` 1.6)".
    let text = without(&text, " (`takeover.md`", true);
    without(&text, "; `takeover.md`", false)
}

/// Takes out what starts so, up to the next closing bracket, with it or without it.
fn without(text: &str, start: &str, with_bracket: bool) -> String {
    let mut parts = text.split(start);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(')').expect("the bracket is closed");
        kept.push_str(if with_bracket { "" } else { ")" });
        kept.push_str(rest);
    }
    kept
}
