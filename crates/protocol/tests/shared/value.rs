//! Any MessagePack value, to look into a frame and to spoil one.
#![allow(dead_code, reason = "each test uses a part of it")]

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use std::fmt::{self, Write};

/// One MessagePack value; maps keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Decodes the kind and the body of a frame.
    pub(crate) fn of_frame(frame: &[u8]) -> (String, Self) {
        rmp_serde::from_slice(frame).expect("a golden frame is MessagePack")
    }

    /// Encodes a frame of any kind with this body.
    pub(crate) fn into_frame(self, kind: &str) -> Vec<u8> {
        rmp_serde::to_vec(&(kind, self)).expect("any value can be written")
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// Returns the entry `key` of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(found, _)| *found == Self::text(key)).map(|(_, value)| value)
    }

    /// Returns the first item of a list.
    pub(crate) fn first(&self) -> &Self {
        let Self::List(items) = self else { panic!("not a list") };
        items.first().expect("the list has items")
    }

    /// Replaces or adds the entry `key` of a map.
    pub(crate) fn set(mut self, key: &str, value: Self) -> Self {
        let Self::Map(entries) = &mut self else { panic!("not a map") };
        match entries.iter_mut().find(|(found, _)| *found == Self::text(key)) {
            Some((_, old)) => *old = value,
            None => entries.push((Self::text(key), value)),
        }
        self
    }

    /// Takes the entry `key` out of a map.
    pub(crate) fn without(mut self, key: &str) -> Self {
        let Self::Map(entries) = &mut self else { panic!("not a map") };
        let before = entries.len();
        entries.retain(|(found, _)| *found != Self::text(key));
        assert_eq!(entries.len() + 1, before, "{key} was not there");
        self
    }

    fn inline(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(", ");
        match self {
            Self::Nil => "nil".into(),
            Self::Bool(flag) => flag.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Text(text) => format!("{text:?}"),
            Self::Bytes(bytes) => format!("bin({})", hex(bytes)),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::inline).collect())),
            Self::Map(entries) => format!(
                "{{{}}}",
                joined(entries.iter().map(|(k, v)| format!("{}: {}", k.inline(), v.inline())).collect())
            ),
        }
    }

    /// Writes the value as people read it: JSON, with `bin(hex)` for bytes.
    pub(crate) fn shown(&self, indent: usize) -> String {
        let line = self.inline();
        if line.len() + indent <= 100 {
            return line;
        }
        let pad = " ".repeat(indent + 2);
        let (open, rows, close): (_, Vec<String>, _) = match self {
            Self::Map(entries) => {
                let row = |(k, v): &(Self, Self)| format!("{}: {}", k.inline(), v.shown(indent + 2));
                ('{', entries.iter().map(row).collect(), '}')
            }
            Self::List(items) => ('[', items.iter().map(|item| item.shown(indent + 2)).collect(), ']'),
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) | Self::Bytes(_) => {
                return line;
            }
        };
        format!("{open}\n{pad}{}\n{}{close}", rows.join(&format!(",\n{pad}")), " ".repeat(indent))
    }
}

/// Returns bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}

/// Returns the bytes of hex digits; white space between them is ignored.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("a hex digit")).collect();
    let byte = |pair: &[u32]| pair.iter().fold(0, |sum, digit| sum * 16 + digit);
    digits.chunks(2).map(|pair| u8::try_from(byte(pair)).expect("two hex digits")).collect()
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Int(number) => match u64::try_from(*number) {
                Ok(number) => serializer.serialize_u64(number),
                Err(_) => serializer.serialize_i64(i64::try_from(*number).expect("an integer of 64 bits")),
            },
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Nil)
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Bool(flag))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Int(number.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value::Int(number.into()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Float(number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::text(text))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
                Ok(Value::Bytes(bytes.to_vec()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Value::Map(entries))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
