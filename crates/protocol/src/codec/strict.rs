//! Holds a peer to the one encoding of v1: structs are maps with text keys, words and text are `str`.
//!
//! By itself serde also takes a struct as an array, a word or a field by its number and text as `bin`. Each is
//! a second encoding of the same message, and the array form holds more memory a byte than the frame limit
//! allows for. So does an error that repeats all of a peer's text.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use std::fmt;

/// A deserializer that refuses every encoding but the documented one, at all depths.
pub(crate) struct Strict<D>(pub(crate) D);

/// What the value at hand may look like.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// As the visitor likes it.
    Any,
    /// A number, bytes, a list: no text.
    Plain,
    /// A map.
    Struct,
    /// Text.
    Text,
}

/// Most bytes of a peer's text that an error repeats; escaped, each may take six times its size.
const ECHO: usize = 64;

/// Cuts text for an error, on a character boundary. No word of v1 is as long as the cut.
fn cut(text: &str) -> &str {
    let end = (0..=ECHO.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A visitor, held to a form.
struct Held<V> {
    visitor: V,
    form: Form,
}

macro_rules! forward {
    ($form:ident: $($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Held { visitor, form: Form::$form })
        }
    )*};
}

// Asked for a number, rmp-serde answers what is none with its marker; asked for anything, with the type.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(Held { visitor, form: Form::Plain })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    numbers! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64
    }
    forward! { Any: deserialize_any deserialize_option deserialize_ignored_any }
    forward! { Plain: deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq deserialize_map }
    forward! { Text: deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Held { visitor, form: Form::Any })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Held { visitor, form: Form::Any })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Held { visitor, form: Form::Any })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Held { visitor, form: Form::Any })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Held { visitor, form: Form::Struct })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(Word(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! plain {
    ($($method:ident($value:ty) is $unexpected:expr,)*) => {$(
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            match self.form {
                Form::Any | Form::Plain | Form::Struct => self.visitor.$method(value),
                Form::Text => Err(E::invalid_type($unexpected(value), &self)),
            }
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Held<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    plain! {
        visit_bool(bool) is Unexpected::Bool,
        visit_i64(i64) is Unexpected::Signed,
        visit_u64(u64) is Unexpected::Unsigned,
        visit_f64(f64) is Unexpected::Float,
        visit_bytes(&[u8]) is Unexpected::Bytes,
        visit_borrowed_bytes(&'de [u8]) is Unexpected::Bytes,
    }

    fn visit_f32<E: Error>(self, value: f32) -> Result<V::Value, E> {
        self.visit_f64(f64::from(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        match self.form {
            Form::Any | Form::Text => self.visitor.visit_str(text),
            Form::Plain | Form::Struct => Err(E::invalid_type(Unexpected::Str(cut(text)), &self)),
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        match self.form {
            Form::Any | Form::Text => self.visitor.visit_borrowed_str(text),
            Form::Plain | Form::Struct => Err(E::invalid_type(Unexpected::Str(cut(text)), &self)),
        }
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Strict(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Strict(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        match self.form {
            Form::Any | Form::Plain => self.visitor.visit_seq(Strict(list)),
            Form::Struct | Form::Text => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        match self.form {
            Form::Any | Form::Plain | Form::Struct => self.visitor.visit_map(Strict(map)),
            Form::Text => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _data: A) -> Result<V::Value, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Enum, &self))
    }
}

/// Takes a word of an enum, as text only.
struct Word<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word as text")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<V::Value, E> {
        self.0.visit_enum(cut(word).into_deserializer())
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(Strict(seed))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(deserializer))
    }
}
