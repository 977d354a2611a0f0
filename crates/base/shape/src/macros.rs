//! Macros that tie a generated type to its row in the model's table.

/// Implements [`crate::Struct`], [`crate::Value`] and a redacting `Debug`:
/// `structure!(Type, MODEL, index, field_0, field_1, …)`, fields in the table's order.
#[macro_export]
macro_rules! structure {
    ($type:ident, $model:path, $index:literal $(, $field:ident)* $(,)?) => {
        impl $crate::Struct for $type {
            fn shape(&self) -> &'static $crate::Shape {
                &$model.shapes[$index]
            }
            #[allow(unused_variables, unused_mut, unused_assignments)]
            fn field(&self, index: usize) -> $crate::View<'_> {
                let mut i = 0;
                $(if index == i { return $crate::Value::view(&self.$field); } i += 1;)*
                $crate::View::Absent
            }
            #[allow(unused_variables, unused_mut, unused_assignments)]
            fn field_mut(&mut self, index: usize) -> &mut dyn $crate::Value {
                let mut i = 0;
                $(if index == i { return &mut self.$field; } i += 1;)*
                unreachable!("member {index} of {}", stringify!($type))
            }
        }
        $crate::structure_value!($type, {});
    };
}

/// Implements [`crate::Struct`] for a Rust enum with an `Unset` variant:
/// `union!(Type, MODEL, index, Variant0, Variant1, …)`, variants in the table's order.
#[macro_export]
macro_rules! union {
    ($type:ident, $model:path, $index:literal $(, $variant:ident)* $(,)?) => {
        impl $crate::Struct for $type {
            fn shape(&self) -> &'static $crate::Shape {
                &$model.shapes[$index]
            }
            #[allow(unused_variables, unused_mut, unused_assignments)]
            fn field(&self, index: usize) -> $crate::View<'_> {
                let mut i = 0;
                $(
                    if let (true, $type::$variant(value)) = (index == i, self) {
                        return $crate::Value::view(value);
                    }
                    i += 1;
                )*
                $crate::View::Absent
            }
            #[allow(unused_variables, unused_mut, unused_assignments)]
            fn field_mut(&mut self, index: usize) -> &mut dyn $crate::Value {
                let mut i = 0;
                $(
                    if index == i {
                        if !matches!(self, $type::$variant(_)) {
                            *self = $type::$variant(Default::default());
                        }
                        match self {
                            $type::$variant(value) => return value,
                            _ => unreachable!("the variant was just set"),
                        }
                    }
                    i += 1;
                )*
                unreachable!("member {index} of {}", stringify!($type))
            }
        }
        $crate::structure_value!($type, {
            fn read_json(&mut self, cursor: &mut $crate::json::Cursor<'_>) -> bool {
                cursor.union($crate::Struct::shape(self), |cursor, index| {
                    $crate::Value::read_json($crate::Struct::field_mut(self, index), cursor)
                })
            }
        });
    };
}

/// The part that [`structure!`](crate::structure) and [`union!`](crate::union) share.
#[macro_export]
#[doc(hidden)]
macro_rules! structure_value {
    ($type:ident, { $($more:tt)* }) => {
        impl $crate::Value for $type {
            $($more)*
            fn view(&self) -> $crate::View<'_> {
                $crate::View::Struct(self)
            }
            fn structure(&mut self) -> Result<&mut dyn $crate::Struct, $crate::Mismatch> {
                Ok(self)
            }
        }
        impl ::std::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::fmt_redacted(self, f)
            }
        }
    };
}

/// A string enum: `string_enum!(Type { Variant = "VALUE", … })`. Values that the model does not
/// know are kept in `Unknown`, so that validation can quote them; a handler never sees one.
#[macro_export]
macro_rules! string_enum {
    ($(#[$meta:meta])* $type:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum $type { $($variant,)+ Unknown(String) }
        impl $type {
            /// The value on the wire.
            pub fn as_str(&self) -> &str {
                match self { $($type::$variant => $text,)+ $type::Unknown(text) => text }
            }
        }
        impl Default for $type {
            fn default() -> Self { $type::Unknown(String::new()) }
        }
        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                match text { $($text => $type::$variant,)+ _ => $type::Unknown(text.to_owned()) }
            }
        }
        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl $crate::Value for $type {
            fn view(&self) -> $crate::View<'_> { $crate::View::Str(self.as_str()) }
            fn put(&mut self, scalar: $crate::Scalar<'_>) -> Result<(), $crate::Mismatch> {
                match scalar {
                    $crate::Scalar::Str(text) => { *self = $type::from(&*text); Ok(()) }
                    _ => Err($crate::Mismatch::Kind),
                }
            }
        }
    };
}
