//! `Debug` that never prints a sensitive member.

use std::fmt;

use crate::{Member, Struct, View};

/// Prints a structure with its members' names, sensitive ones as `***`.
pub fn fmt_redacted(value: &dyn Struct, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let shape = value.shape();
    write!(f, "{}(", shape.name)?;
    let mut first = true;
    for (i, member) in shape.members.iter().enumerate() {
        let view = value.field(i);
        if matches!(view, View::Absent) {
            continue;
        }
        if !std::mem::take(&mut first) {
            f.write_str(", ")?;
        }
        write!(f, "{}=", member.name)?;
        fmt_view(member, &view, f)?;
    }
    f.write_str(")")
}

/// Prints any view, redacting what its shape marks as sensitive.
pub(crate) fn fmt_view(
    member: &Member,
    view: &View<'_>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let shape = member.shape();
    if shape.sensitive {
        return f.write_str("***");
    }
    match view {
        View::Absent => f.write_str("null"),
        View::Bool(v) => write!(f, "{v}"),
        View::Int(v) => write!(f, "{v}"),
        View::Float(v) => write!(f, "{v}"),
        View::Double(v) => write!(f, "{v}"),
        View::Str(v) => f.write_str(v),
        View::Blob(v) => write!(f, "<{} bytes>", v.len()),
        View::Stream(v) => write!(f, "{v:?}"),
        View::Time(v) => write!(f, "{}", v.seconds()),
        View::Document(v) => write!(f, "{}", v.0),
        View::Struct(v) => fmt_redacted(*v, f),
        View::List(list) => {
            f.write_str("[")?;
            for i in 0..list.len() {
                f.write_str(if i == 0 { "" } else { ", " })?;
                fmt_view(shape.element(), &list.get(i), f)?;
            }
            f.write_str("]")
        }
        View::Map(map) => {
            f.write_str("{")?;
            let mut result = Ok(());
            let mut first = true;
            map.visit(&mut |key, value| {
                let comma = if std::mem::take(&mut first) { "" } else { ", " };
                if result.is_ok() {
                    result = write!(f, "{comma}{key}=")
                        .and_then(|()| fmt_view(shape.element(), &value, f));
                }
            });
            result.and_then(|()| f.write_str("}"))
        }
    }
}
