//! The fields and words of v1 with their documentation, read from the source: the truth that the golden
//! examples must cover and the document must tell.
#![allow(dead_code, reason = "each test uses a part of it")]

use super::value::Value;
use std::collections::{BTreeMap, BTreeSet};

const SOURCES: &[&str] = &[
    include_str!("../../src/session.rs"),
    include_str!("../../src/agent.rs"),
    include_str!("../../src/operator.rs"),
    include_str!("../../src/operator/requests.rs"),
    include_str!("../../src/operator/path.rs"),
    include_str!("../../src/operator/roster.rs"),
    include_str!("../../src/record.rs"),
    include_str!("../../../model/src/decision.rs"),
    include_str!("../../../model/src/command.rs"),
    include_str!("../../../model/src/task.rs"),
    include_str!("../../../model/src/control.rs"),
    include_str!("../../../model/src/alarm.rs"),
    include_str!("../../../model/src/stage.rs"),
];

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// The Rust type, as written.
    pub(crate) of: String,
    pub(crate) required: bool,
    pub(crate) doc: String,
}

/// A struct, an enum of words, or a set of messages.
#[derive(Debug, Default)]
pub(crate) struct Type {
    pub(crate) doc: String,
    pub(crate) fields: Vec<Field>,
    /// Word or kind, its documentation, and for a kind the type of its body.
    pub(crate) words: Vec<(String, String, Option<String>)>,
}

/// Everything that goes over the wire, by the name of its Rust type.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) types: BTreeMap<String, Type>,
    /// The names in the order of the sources.
    pub(crate) order: Vec<String>,
}

#[derive(Default)]
struct Reader {
    schema: Schema,
    docs: Vec<String>,
    attributes: String,
    /// The block that is open: its name, and whether its words follow from the variants' names.
    open: Option<(String, bool)>,
    macro_open: bool,
}

impl Reader {
    fn take_doc(&mut self) -> String {
        std::mem::take(&mut self.docs).join(" ")
    }

    fn begin(&mut self, name: &str, named_by_variant: bool) {
        let doc = self.take_doc();
        self.attributes.clear();
        self.schema.order.push(name.to_owned());
        self.schema.types.insert(name.to_owned(), Type { doc, ..Type::default() });
        self.open = Some((name.to_owned(), named_by_variant));
    }

    fn line(&mut self, raw: &str) {
        let line = raw.trim();
        let attribute_open = self.attributes.matches('[').count() > self.attributes.matches(']').count();
        if attribute_open || line.starts_with("#[") {
            self.attributes.push_str(line);
        } else if let Some(doc) = line.strip_prefix("///") {
            self.docs.push(doc.trim().to_owned());
        } else if line == "messages! {" || line == "words! {" {
            self.macro_open = true;
        } else if line == "}" {
            self.macro_open &= self.open.is_some();
            self.open = None;
        } else if let Some((name, by_variant)) = self.open.clone() {
            self.inside(&name, by_variant, line);
        } else if let Some(name) =
            line.strip_suffix(" {").filter(|name| self.macro_open && !name.contains(' '))
        {
            self.begin(name, false);
        } else if let Some(name) = block(line, "pub struct ") {
            self.begin(name, false);
        } else if let Some(name) = block(line, "pub enum ").filter(|_| self.attributes.contains("rename_all"))
        {
            self.begin(name, true);
        } else {
            self.docs.clear();
            self.attributes.clear();
        }
    }

    fn inside(&mut self, name: &str, by_variant: bool, line: &str) {
        let doc = self.take_doc();
        let attributes = std::mem::take(&mut self.attributes);
        let of = self.schema.types.get_mut(name).expect("the block is open");
        let Some(line) = line.strip_suffix(',') else { return };
        if let Some((variant, word)) = line.split_once(" = ") {
            let body = variant.split_once('(').map(|(_, body)| body.trim_end_matches(')').to_owned());
            of.words.push((word.trim_matches('"').to_owned(), doc, body));
        } else if by_variant {
            of.words.push((snake(line), doc, None));
        } else if let Some((field, ty)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            let required = !ty.starts_with("Option<") && !attributes.contains("default");
            of.fields.push(Field {
                name: field.to_owned(),
                of: ty.rsplit("::").next().unwrap_or(ty).to_owned(),
                required,
                doc,
            });
        }
    }
}

fn block<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(" {").filter(|name| !name.contains('$'))
}

fn snake(variant: &str) -> String {
    let mut word = String::new();
    for c in variant.chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

impl Schema {
    /// Reads the sources.
    pub(crate) fn read() -> Self {
        let mut reader = Reader::default();
        for source in SOURCES {
            source.lines().take_while(|line| *line != "#[cfg(test)]").for_each(|line| reader.line(line));
        }
        reader.schema
    }

    /// Returns the type of the body of a message.
    pub(crate) fn body_of(&self, set: &str, kind: &str) -> String {
        match (set, kind) {
            ("from_agent", "hello") => return "AgentHello".into(),
            ("from_operator", "hello") => return "OperatorHello".into(),
            _ => {}
        }
        let name = match set {
            "from_agent" => "AgentMessage",
            "to_agent" => "ToAgent",
            "from_operator" => "OperatorMessage",
            "to_operator" => "ToOperator",
            other => panic!("{other} is no set"),
        };
        let word = self.named(name).words.iter().find(|(word, _, _)| word == kind);
        word.and_then(|(_, _, body)| body.clone()).unwrap_or_else(|| panic!("{name} has no {kind}"))
    }

    /// Returns the type of this name.
    pub(crate) fn named(&self, name: &str) -> &Type {
        self.types.get(name).unwrap_or_else(|| panic!("the sources have no {name}"))
    }

    /// Notes which fields of which structs `value`, a `of`, has.
    pub(crate) fn note_fields(&self, of: &str, value: &Value, seen: &mut BTreeSet<(String, String)>) {
        let inner = core(of);
        let Some(known) = self.types.get(inner).filter(|known| !known.fields.is_empty()) else { return };
        if let Value::List(items) = value {
            for item in items {
                self.note_fields(inner, item, seen);
            }
            return;
        }
        for field in &known.fields {
            if let Some(value) = value.get(&field.name) {
                seen.insert((inner.to_owned(), field.name.clone()));
                self.note_fields(&field.of, value, seen);
            }
        }
    }

    /// Returns every struct that a message carries, messages' bodies included.
    pub(crate) fn reachable(&self, roots: &[String]) -> BTreeSet<String> {
        let mut todo: Vec<String> = roots.to_vec();
        let mut found = BTreeSet::new();
        while let Some(name) = todo.pop() {
            if let Some(known) = self.types.get(&name)
                && found.insert(name)
            {
                todo.extend(known.fields.iter().map(|field| core(&field.of).to_owned()));
            }
        }
        found
    }
}

/// Returns the innermost type of options and lists.
pub(crate) fn core(of: &str) -> &str {
    let mut of = of;
    loop {
        let generic = of.strip_prefix("Option<").or_else(|| of.strip_prefix("Vec<"));
        let inner = generic.and_then(|rest| rest.strip_suffix('>'));
        let Some(inner) = inner.or_else(|| fixed(of).map(|(inner, _)| inner)) else { return of };
        of = inner;
    }
}

/// Returns the items' type and the length of a list of fixed length; bytes are none.
pub(crate) fn fixed(of: &str) -> Option<(&str, &str)> {
    of.strip_prefix('[')?.strip_suffix(']')?.split_once("; ").filter(|(inner, _)| *inner != "u8")
}
