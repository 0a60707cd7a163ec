//! Text and lists with a bound, so that no peer can make another hold more than it said it would.

use serde::{Deserialize, Deserializer};
use std::fmt;
use thiserror::Error;

/// Says why a text is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// The text is longer than its bound, in bytes.
    #[error("the text has {found} bytes, at most {limit} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// On the wire a checked text is a string; nothing of it is copied on the way out, and nothing kept that is refused.
macro_rules! serialize_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::new(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}
pub(crate) use serialize_as_text;

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $limit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Most bytes that the text may have.
            pub const LIMIT: usize = $limit;

            /// Checks the length and makes the text.
            pub fn new(text: impl AsRef<str> + Into<String>) -> Result<Self, TextError> {
                let found = text.as_ref().len();
                if found > Self::LIMIT {
                    return Err(TextError::TooLong { found, limit: Self::LIMIT });
                }
                Ok(Self(text.into()))
            }

            /// Makes the text from our own words, cut at the bound (on a character boundary).
            pub fn cut(text: &str) -> Self {
                let mut end = text.len().min(Self::LIMIT);
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                Self(text.get(..end).unwrap_or_default().to_owned())
            }

            /// Returns the text as it came; escape it where a person sees it (`Display` does).
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        $crate::text::serialize_as_text!($name);

        impl fmt::Display for $name {
            /// Writes the text with control characters escaped, so that an agent cannot steer a terminal.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut rest = self.0.as_str();
                while let Some((at, bad)) = rest.char_indices().find(|(_, c)| steers(*c)) {
                    let (good, from_bad) = rest.split_at(at);
                    write!(f, "{good}{}", bad.escape_default())?;
                    rest = from_bad.get(bad.len_utf8()..).unwrap_or_default();
                }
                f.write_str(rest)
            }
        }
    };
}

/// Returns whether a character moves a terminal's cursor or turns the direction of a text.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

bounded_text! {
    /// A short text of at most 64 bytes: the name of a signal, a unit, an action, a version.
    Label, 64
}
bounded_text! {
    /// A sentence or two of at most 512 bytes: a reason that a person or an agent gives.
    Note, 512
}

/// What lets somebody in: a token of at most 2,048 bytes. Neither `Debug` nor anything else shows it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

impl BearerToken {
    /// Most bytes that a token may have.
    pub const LIMIT: usize = 2_048;

    /// Checks the length and makes the token.
    ///
    /// # Errors
    /// When it is too long.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.len() > Self::LIMIT {
            return Err(TextError::TooLong { found: text.len(), limit: Self::LIMIT });
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

serialize_as_text!(BearerToken);

/// Deserialises a list of at most `N` items; a longer one is an error that says so.
///
/// Use as `#[serde(deserialize_with = "bounded_vec::<_, _, 64>")]`.
pub fn bounded_vec<'de, D, T, const N: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Visitor<T, const N: usize>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const N: usize> serde::de::Visitor<'de> for Visitor<T, N> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {N} items")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::with_capacity(list.size_hint().unwrap_or(0).min(N));
            while let Some(item) = list.next_element()? {
                if items.len() == N {
                    return Err(serde::de::Error::custom(format_args!("more than {N} items in the list")));
                }
                items.push(item);
            }
            Ok(items)
        }
    }
    deserializer.deserialize_seq(Visitor::<T, N>(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_an_agent_cannot_steer_a_terminal() {
        let text = Note::new("ok\u{1b}[2J\r\n\u{202e}evil").unwrap();
        let shown = text.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown}");
        assert!(!shown.contains('\u{202e}'));
    }

    #[test]
    fn too_long_a_text_is_refused_and_ours_is_cut() {
        assert_eq!(Label::new("x".repeat(65)), Err(TextError::TooLong { found: 65, limit: 64 }));
        assert_eq!(Label::cut(&"ä".repeat(40)).as_str().len(), 64);
    }
}
