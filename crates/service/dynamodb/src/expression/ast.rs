//! What an expression's text says, before its placeholders are looked up: it
//! depends on the text alone, and so may be kept and used again.

/// A document path: a name, then names and indices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathSyntax(pub Vec<StepSyntax>);

/// One step of a document path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StepSyntax {
    /// A name written out.
    Name(String),
    /// `#name`.
    Placeholder(String),
    /// `[3]`.
    Index(u64),
}

/// What a comparison or function works on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OperandSyntax {
    /// A document path.
    Path(PathSyntax),
    /// `:value`.
    Placeholder(String),
    /// A function and its arguments.
    Call(CallSyntax),
}

/// A function and its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallSyntax {
    /// As written; functions' names are case sensitive.
    pub name: String,
    /// At least one.
    pub arguments: Vec<OperandSyntax>,
}

/// The operators that compare two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    /// The operator that says the same with its operands exchanged.
    pub fn mirrored(self) -> Comparator {
        match self {
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
            same => same,
        }
    }
}

/// A condition, filter or key condition.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ConditionSyntax {
    Or(Vec<ConditionSyntax>),
    And(Vec<ConditionSyntax>),
    Not(Box<ConditionSyntax>),
    Compare { comparator: Comparator, left: OperandSyntax, right: OperandSyntax },
    Between { operand: OperandSyntax, low: OperandSyntax, high: OperandSyntax },
    In { operand: OperandSyntax, list: Vec<OperandSyntax> },
    Call(CallSyntax),
}

/// The sections of an update expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Section {
    Set,
    Remove,
    Add,
    Delete,
}

impl Section {
    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Section::Set => "SET",
            Section::Remove => "REMOVE",
            Section::Add => "ADD",
            Section::Delete => "DELETE",
        }
    }
}

/// One action of an update expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActionSyntax {
    /// The section it stands in.
    pub section: Section,
    /// What it changes.
    pub path: PathSyntax,
    /// What with: none for REMOVE.
    pub value: Option<SetValueSyntax>,
}

/// The right side of an update action.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum SetValueSyntax {
    Operand(OperandSyntax),
    Plus(OperandSyntax, OperandSyntax),
    Minus(OperandSyntax, OperandSyntax),
}

/// An update expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpdateSyntax {
    /// The actions as written.
    pub actions: Vec<ActionSyntax>,
    /// The sections as written, repeated ones too.
    pub sections: Vec<Section>,
}
