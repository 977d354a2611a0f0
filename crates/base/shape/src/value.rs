//! Values: what a codec sees of a Rust type, and how it fills one.

use std::any::Any;
use std::collections::BTreeMap;

use bytes::Bytes;

use crate::json::Cursor;
use crate::{ByteStream, Document, Mismatch, Shape, Timestamp};

/// A value as a codec reads it.
pub enum View<'a> {
    /// Not set: not written.
    Absent,
    /// `boolean`.
    Bool(bool),
    /// `integer`, `long`.
    Int(i64),
    /// `float`.
    Float(f32),
    /// `double`.
    Double(f64),
    /// `string` and enums.
    Str(&'a str),
    /// `blob`.
    Blob(&'a [u8]),
    /// A streaming `blob` that is not at hand.
    Stream(&'a ByteStream),
    /// `timestamp`.
    Time(Timestamp),
    /// Free-form JSON-like data.
    Document(&'a Document),
    /// A structure or union.
    Struct(&'a dyn Struct),
    /// A list.
    List(&'a dyn List),
    /// A map with string keys.
    Map(&'a dyn Map),
}

/// A scalar as a codec has read it, on its way into a value.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Scalar<'a> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(std::borrow::Cow<'a, str>),
    Blob(Bytes),
    Stream(ByteStream),
    Time(Timestamp),
    Document(Document),
}

/// Any value of a model.
pub trait Value: Send + Sync {
    /// What it holds.
    fn view(&self) -> View<'_>;
    /// Sets a scalar. Numbers must fit.
    fn put(&mut self, _scalar: Scalar<'_>) -> Result<(), Mismatch> {
        Err(Mismatch::Kind)
    }
    /// Makes it a structure and gives access to it.
    fn structure(&mut self) -> Result<&mut dyn Struct, Mismatch> {
        Err(Mismatch::Kind)
    }
    /// Makes it an empty list (or the one it is) and gives access to it.
    fn list(&mut self) -> Result<&mut dyn List, Mismatch> {
        Err(Mismatch::Kind)
    }
    /// Makes it an empty map (or the one it is) and gives access to it.
    fn map(&mut self) -> Result<&mut dyn Map, Mismatch> {
        Err(Mismatch::Kind)
    }
    /// Reads itself from JSON, if it knows how and the text is plain ([`crate::json`]). If not, the
    /// cursor is left anywhere, and the value as anything: a list or map, empty.
    fn read_json(&mut self, _cursor: &mut Cursor<'_>) -> bool {
        false
    }
}

/// A structure or union with its schema. Implemented by the `structure!` and `union!` macros.
pub trait Struct: Any + Send + Sync {
    /// Its schema; members are in the order of [`Struct::field`]'s index.
    fn shape(&self) -> &'static Shape;
    /// Member `index`.
    fn field(&self, index: usize) -> View<'_>;
    /// Member `index`, to be filled.
    fn field_mut(&mut self, index: usize) -> &mut dyn Value;
}

impl dyn Struct {
    /// The value as its own type again.
    pub fn downcast<T: Struct>(self: Box<Self>) -> Option<Box<T>> {
        (self as Box<dyn Any>).downcast().ok()
    }

    /// A reference to it as its own type.
    pub fn downcast_ref<T: Struct>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// A list of values.
#[allow(clippy::len_without_is_empty)]
pub trait List: Send + Sync {
    /// Number of elements.
    fn len(&self) -> usize;
    /// Element `index`.
    fn get(&self, index: usize) -> View<'_>;
    /// Appends a default element and returns it for filling.
    fn push(&mut self) -> &mut dyn Value;
}

/// A map from strings to values.
#[allow(clippy::len_without_is_empty)]
pub trait Map: Send + Sync {
    /// Number of entries.
    fn len(&self) -> usize;
    /// Calls `f` with every entry, in the map's order.
    fn visit(&self, f: &mut dyn FnMut(&str, View<'_>));
    /// Inserts a default value (replacing one of the same key) and returns it for filling.
    fn insert(&mut self, key: &str) -> &mut dyn Value;
    /// The whole map as JSON, if it is there already.
    fn json(&self) -> Option<&str> {
        None
    }
}

/// Bytes. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(pub Bytes);

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl<T: Into<Bytes>> From<T> for Blob {
    fn from(value: T) -> Self {
        Blob(value.into())
    }
}

macro_rules! scalar {
    ($type:ty, $self:ident => $view:expr, $($pattern:pat => $value:expr),+ $(; $read:expr)?) => {
        impl Value for $type {
            fn view(&self) -> View<'_> {
                let $self = self;
                $view
            }
            fn put(&mut self, scalar: Scalar<'_>) -> Result<(), Mismatch> {
                *self = match scalar {
                    $($pattern => $value,)+
                    _ => return Err(Mismatch::Kind),
                };
                Ok(())
            }
            $(fn read_json(&mut self, cursor: &mut Cursor<'_>) -> bool {
                let read: Option<$type> = $read(cursor);
                read.map(|value| *self = value).is_some()
            })?
        }
    };
}

scalar!(bool, v => View::Bool(*v), Scalar::Bool(b) => b; Cursor::boolean);
scalar!(i32, v => View::Int((*v).into()), Scalar::Int(i) => i.try_into().map_err(|_| Mismatch::Range)?);
scalar!(i64, v => View::Int(*v), Scalar::Int(i) => i);
scalar!(f32, v => View::Float(*v), Scalar::Double(d) => d as f32, Scalar::Int(i) => i as f32);
scalar!(f64, v => View::Double(*v), Scalar::Double(d) => d, Scalar::Int(i) => i as f64);
scalar!(String, v => View::Str(v), Scalar::Str(s) => s.into_owned(); |cursor: &mut Cursor<'_>| Some(cursor.string()?.into_owned()));
scalar!(Blob, v => View::Blob(&v.0), Scalar::Blob(b) => Blob(b); Cursor::blob);
scalar!(Timestamp, v => View::Time(*v), Scalar::Time(t) => t);
scalar!(Document, v => View::Document(v), Scalar::Document(d) => d);

impl<T: Value + Default> Value for Option<T> {
    fn view(&self) -> View<'_> {
        self.as_ref().map_or(View::Absent, Value::view)
    }
    fn put(&mut self, scalar: Scalar<'_>) -> Result<(), Mismatch> {
        self.get_or_insert_default().put(scalar)
    }
    fn structure(&mut self) -> Result<&mut dyn Struct, Mismatch> {
        self.get_or_insert_default().structure()
    }
    fn list(&mut self) -> Result<&mut dyn List, Mismatch> {
        self.get_or_insert_default().list()
    }
    fn map(&mut self) -> Result<&mut dyn Map, Mismatch> {
        self.get_or_insert_default().map()
    }
    fn read_json(&mut self, cursor: &mut Cursor<'_>) -> bool {
        self.get_or_insert_default().read_json(cursor)
    }
}

impl<T: Value + ?Sized> Value for Box<T> {
    fn view(&self) -> View<'_> {
        (**self).view()
    }
    fn put(&mut self, scalar: Scalar<'_>) -> Result<(), Mismatch> {
        (**self).put(scalar)
    }
    fn structure(&mut self) -> Result<&mut dyn Struct, Mismatch> {
        (**self).structure()
    }
    fn list(&mut self) -> Result<&mut dyn List, Mismatch> {
        (**self).list()
    }
    fn map(&mut self) -> Result<&mut dyn Map, Mismatch> {
        (**self).map()
    }
    fn read_json(&mut self, cursor: &mut Cursor<'_>) -> bool {
        (**self).read_json(cursor)
    }
}

impl<T: Value + Default> Value for Vec<T> {
    fn view(&self) -> View<'_> {
        View::List(self)
    }
    fn list(&mut self) -> Result<&mut dyn List, Mismatch> {
        Ok(self)
    }
    fn read_json(&mut self, cursor: &mut Cursor<'_>) -> bool {
        self.clear();
        let is_read = cursor.array(|cursor| {
            let mut element = T::default();
            let is_read = element.read_json(cursor);
            Vec::push(self, element);
            is_read
        });
        if !is_read {
            self.clear();
        }
        is_read
    }
}

impl<T: Value + Default> List for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn get(&self, index: usize) -> View<'_> {
        self[index].view()
    }
    fn push(&mut self) -> &mut dyn Value {
        Vec::push(self, T::default());
        self.last_mut().expect("just pushed")
    }
}

impl<T: Value + Default> Value for BTreeMap<String, T> {
    fn view(&self) -> View<'_> {
        View::Map(self)
    }
    fn map(&mut self) -> Result<&mut dyn Map, Mismatch> {
        Ok(self)
    }
    fn read_json(&mut self, cursor: &mut Cursor<'_>) -> bool {
        self.clear();
        let is_read = cursor.object(|cursor, key| {
            let mut value = T::default();
            let is_read = value.read_json(cursor);
            BTreeMap::insert(self, key.into_owned(), value);
            is_read
        });
        if !is_read {
            self.clear();
        }
        is_read
    }
}

impl<T: Value + Default> Map for BTreeMap<String, T> {
    fn len(&self) -> usize {
        BTreeMap::len(self)
    }
    fn visit(&self, f: &mut dyn FnMut(&str, View<'_>)) {
        for (key, value) in self {
            f(key, value.view());
        }
    }
    fn insert(&mut self, key: &str) -> &mut dyn Value {
        let slot = self.entry(key.to_owned()).or_default();
        *slot = T::default();
        slot
    }
}
