//! A value of any shape without a generated type: for tools, the JSON door's clients and the
//! protocol tests, which bring their own models.

use std::collections::BTreeMap;

use crate::{Blob, Document, List, Map, Member, Mismatch, Scalar, Shape, Struct, Timestamp};
use crate::{Value, View};

/// A value that learns its shape from the member it stands for.
pub struct Dynamic {
    shape: &'static Shape,
    content: Content,
}

enum Content {
    Absent,
    Bool(bool),
    Int(i64),
    Float(f32),
    Double(f64),
    Str(String),
    Blob(Blob),
    Time(Timestamp),
    Document(Document),
    Struct(Box<DynamicStruct>),
    List(DynamicList),
    Map(DynamicMap),
}

struct DynamicStruct {
    shape: &'static Shape,
    fields: Vec<Dynamic>,
}

struct DynamicList {
    element: &'static Shape,
    items: Vec<Dynamic>,
}

struct DynamicMap {
    element: &'static Shape,
    items: BTreeMap<String, Dynamic>,
}

impl Dynamic {
    /// An absent value of the member's shape.
    pub fn new(member: &Member) -> Self {
        Dynamic { shape: member.shape(), content: Content::Absent }
    }

    /// An absent value of a shape.
    pub fn of(shape: &'static Shape) -> Self {
        Dynamic { shape, content: Content::Absent }
    }

    /// The structure it holds, if it holds one: an error's detail, for instance.
    pub fn into_struct(self) -> Option<Box<dyn Struct>> {
        match self.content {
            Content::Struct(value) => Some(value),
            _ => None,
        }
    }

    /// The value as a structure; it becomes an empty one if it is not set.
    pub fn as_struct(&mut self) -> &mut dyn Struct {
        self.structure().expect("the shape is a structure")
    }
}

impl Value for Dynamic {
    fn view(&self) -> View<'_> {
        match &self.content {
            Content::Absent => View::Absent,
            Content::Bool(v) => View::Bool(*v),
            Content::Int(v) => View::Int(*v),
            Content::Float(v) => View::Float(*v),
            Content::Double(v) => View::Double(*v),
            Content::Str(v) => View::Str(v),
            Content::Blob(v) => View::Blob(&v.0),
            Content::Time(v) => View::Time(*v),
            Content::Document(v) => View::Document(v),
            Content::Struct(v) => View::Struct(&**v),
            Content::List(v) => View::List(v),
            Content::Map(v) => View::Map(v),
        }
    }

    fn put(&mut self, scalar: Scalar<'_>) -> Result<(), Mismatch> {
        use crate::Kind;
        self.content = match (self.shape.kind, scalar) {
            (Kind::Boolean, Scalar::Bool(v)) => Content::Bool(v),
            (Kind::Integer, Scalar::Int(v)) => {
                Content::Int(i32::try_from(v).map_err(|_| Mismatch::Range)?.into())
            }
            (Kind::Long, Scalar::Int(v)) => Content::Int(v),
            (Kind::Float, Scalar::Double(v)) => Content::Float(v as f32),
            (Kind::Float, Scalar::Int(v)) => Content::Float(v as f32),
            (Kind::Double, Scalar::Double(v)) => Content::Double(v),
            (Kind::Double, Scalar::Int(v)) => Content::Double(v as f64),
            (Kind::String, Scalar::Str(v)) => Content::Str(v.into_owned()),
            (Kind::Blob, Scalar::Blob(v)) => Content::Blob(Blob(v)),
            (Kind::Timestamp, Scalar::Time(v)) => Content::Time(v),
            (Kind::Document, Scalar::Document(v)) => Content::Document(v),
            _ => return Err(Mismatch::Kind),
        };
        Ok(())
    }

    fn structure(&mut self) -> Result<&mut dyn Struct, Mismatch> {
        if self.shape.kind != crate::Kind::Structure {
            return Err(Mismatch::Kind);
        }
        if !matches!(self.content, Content::Struct(_)) {
            let fields = self.shape.members.iter().map(Dynamic::new).collect();
            let shape = self.shape;
            self.content = Content::Struct(Box::new(DynamicStruct { shape, fields }));
        }
        match &mut self.content {
            Content::Struct(v) => Ok(&mut **v),
            _ => Err(Mismatch::Kind),
        }
    }

    fn list(&mut self) -> Result<&mut dyn List, Mismatch> {
        if self.shape.kind != crate::Kind::List {
            return Err(Mismatch::Kind);
        }
        if !matches!(self.content, Content::List(_)) {
            let element = self.shape.element().shape();
            self.content = Content::List(DynamicList { element, items: Vec::new() });
        }
        match &mut self.content {
            Content::List(v) => Ok(v),
            _ => Err(Mismatch::Kind),
        }
    }

    fn map(&mut self) -> Result<&mut dyn Map, Mismatch> {
        if self.shape.kind != crate::Kind::Map {
            return Err(Mismatch::Kind);
        }
        if !matches!(self.content, Content::Map(_)) {
            let element = self.shape.element().shape();
            self.content = Content::Map(DynamicMap { element, items: BTreeMap::new() });
        }
        match &mut self.content {
            Content::Map(v) => Ok(v),
            _ => Err(Mismatch::Kind),
        }
    }
}

impl Struct for DynamicStruct {
    fn shape(&self) -> &'static Shape {
        self.shape
    }
    fn field(&self, index: usize) -> View<'_> {
        self.fields[index].view()
    }
    fn field_mut(&mut self, index: usize) -> &mut dyn Value {
        &mut self.fields[index]
    }
}

impl List for DynamicList {
    fn len(&self) -> usize {
        self.items.len()
    }
    fn get(&self, index: usize) -> View<'_> {
        self.items[index].view()
    }
    fn push(&mut self) -> &mut dyn Value {
        self.items.push(Dynamic { shape: self.element, content: Content::Absent });
        self.items.last_mut().expect("just pushed")
    }
}

impl Map for DynamicMap {
    fn len(&self) -> usize {
        self.items.len()
    }
    fn visit(&self, f: &mut dyn FnMut(&str, View<'_>)) {
        for (key, value) in &self.items {
            f(key, value.view());
        }
    }
    fn insert(&mut self, key: &str) -> &mut dyn Value {
        let value = Dynamic { shape: self.element, content: Content::Absent };
        match self.items.entry(key.to_owned()) {
            std::collections::btree_map::Entry::Vacant(slot) => slot.insert(value),
            std::collections::btree_map::Entry::Occupied(slot) => {
                let slot = slot.into_mut();
                *slot = value;
                slot
            }
        }
    }
}
