//! Partial settings laid over defaults, so that a kind keeps its own defaults for what a file leaves out.

use super::LimitRule;
use std::collections::BTreeMap;
use watchkeeper_model::{CauseClass, Label, Response, Severity};

/// A value over which a part of itself can be laid.
pub(super) trait Overlay {
    /// What a file may say about it.
    type Part;

    /// Replaces what `part` names and keeps the rest.
    fn overlay(&mut self, part: Self::Part);
}

macro_rules! replaced_whole {
    ($($leaf:ty),+ $(,)?) => {
        $(impl Overlay for $leaf {
            type Part = Self;
            fn overlay(&mut self, part: Self) {
                *self = part;
            }
        })+
    };
}
replaced_whole!(bool, f64, u32, u64, Label, Severity, Response, Vec<Label>, Vec<LimitRule>);

macro_rules! merged_by_key {
    ($($map:ty),+ $(,)?) => {
        $(impl Overlay for $map {
            type Part = Self;
            fn overlay(&mut self, part: Self) {
                self.extend(part);
            }
        })+
    };
}
merged_by_key!(BTreeMap<CauseClass, Response>, BTreeMap<Label, f64>);

macro_rules! overlaid {
    ($(#[$doc:meta])* $name:ident / $part:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        /// The same with every field optional.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $part {
            $($field: Option<<$type as Overlay>::Part>,)+
        }

        impl Overlay for $name {
            type Part = $part;
            fn overlay(&mut self, part: $part) {
                $(if let Some(given) = part.$field {
                    self.$field.overlay(given);
                })+
            }
        }
    };
}
pub(super) use overlaid;
