//! The settings of the engine, and what bounds it beside its own fuel.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
    escape_formatter, filters,
};

/// Instructions that one value may take: a hundred times what a long one needs, and too few to
/// keep anybody waiting.
pub(super) const VALUE_FUEL: u64 = 10_000;

/// What filters may take and give, and captured text may hold, while one template is evaluated: in bytes, and for
/// lists in what their items weigh.
const BUDGET: usize = 8 << 20;

/// What one item of a list weighs, at least: a number in digits, or the engine's own value.
const ITEM: usize = 40;

/// Numbers that `range()` gives at most.
const RANGE_MAX: usize = 1000;

/// Why something is not evaluated to its end.
const TOO_MUCH: &str = "it makes too much text on its way";

/// What is left of [`BUDGET`].
struct Budget(usize);

fn charge(state: &mut State, amount: usize) -> Result<(), Error> {
    let budget = state.get_or_insert_extension(Budget(BUDGET));
    budget.0 = budget
        .0
        .checked_sub(amount)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, TOO_MUCH))?;
    Ok(())
}

/// What a value takes as text or as a list, counted no further than to the limit.
pub(super) fn weight(value: &Value) -> usize {
    let mut left = BUDGET + 1;
    weigh(value, &mut left);
    BUDGET + 1 - left
}

fn weigh(value: &Value, left: &mut usize) {
    let own = ITEM + value.as_str().map_or(0, str::len);
    *left = left.saturating_sub(own);
    let has_items = matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map
    );
    if !has_items {
        return;
    }
    for item in value.try_iter().into_iter().flatten() {
        if *left == 0 {
            return;
        }
        weigh(&item, left);
        if value.kind() == ValueKind::Map
            && let Ok(inner) = value.get_item(&item)
        {
            weigh(&inner, left);
        }
    }
}

/// The settings for values, which every evaluation must share.
pub(crate) fn values() -> Environment<'static> {
    let mut environment = bounded();
    // minijinja writes Python's `False`; a variable's value is `false`, used here or there.
    environment.set_formatter(format_value);
    environment.set_fuel(Some(VALUE_FUEL));
    environment.set_recursion_limit(50);
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("these are the default delimiters"));
    environment.remove_filter("indent");
    environment
}

fn format_value(out: &mut Output<'_>, state: &mut State, value: &Value) -> Result<(), Error> {
    match bool::try_from(value.clone()) {
        Ok(flag) if value.kind() == ValueKind::Bool => Ok(write!(out, "{flag}")?),
        _ => escape_formatter(out, state, value),
    }
}

/// The settings for templates of files: those for units, and values as variables have them.
pub(super) fn files<'source>(fuel: u64) -> Environment<'source> {
    let mut environment = units(fuel);
    environment.set_formatter(|out, state, value| {
        charge(state, weight(value))?;
        format_value(out, state, value)
    });
    environment
}

/// The settings for unit templates.
pub(super) fn units<'source>(fuel: u64) -> Environment<'source> {
    let mut environment = bounded();
    // Also what `{% set x %}…{% endset %}` captures passes here.
    environment.set_formatter(|out, state, value| {
        charge(state, weight(value))?;
        escape_formatter(out, state, value)
    });
    environment.set_fuel(Some(fuel));
    // Errors tell the place.
    environment.set_debug(true);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the delimiters are minijinja's own");
    environment.set_syntax(syntax);
    environment
}

fn bounded<'source>() -> Environment<'source> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Without it the template's name (`….html`) would decide.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // What takes a width or builds deep values can ask for endless memory in one instruction, where neither fuel nor
    // the budget is a limit.
    for filter in ["format", "pprint", "batch", "slice"] {
        environment.remove_filter(filter);
    }
    for global in ["debug", "namespace"] {
        environment.remove_global(global);
    }
    environment.add_function("range", range);
    for (name, filter) in [
        ("safe", Value::from_function(filters::safe)),
        ("escape", Value::from_function(filters::escape)),
        ("e", Value::from_function(filters::escape)),
        ("lower", Value::from_function(filters::lower)),
        ("upper", Value::from_function(filters::upper)),
        ("title", Value::from_function(filters::title)),
        ("capitalize", Value::from_function(filters::capitalize)),
        ("replace", Value::from_function(filters::replace)),
        ("dictsort", Value::from_function(filters::dictsort)),
        ("items", Value::from_function(filters::items)),
        ("reverse", Value::from_function(filters::reverse)),
        ("trim", Value::from_function(filters::trim)),
        ("join", Value::from_function(filters::join)),
        ("split", Value::from_function(filters::split)),
        ("lines", Value::from_function(filters::lines)),
        ("first", Value::from_function(filters::first)),
        ("last", Value::from_function(filters::last)),
        ("min", Value::from_function(filters::min)),
        ("max", Value::from_function(filters::max)),
        ("sort", Value::from_function(filters::sort)),
        ("list", Value::from_function(filters::list)),
        ("string", Value::from_function(filters::string)),
        ("sum", Value::from_function(filters::sum)),
        ("indent", Value::from_function(filters::indent)),
        ("select", Value::from_function(filters::select)),
        ("reject", Value::from_function(filters::reject)),
        ("selectattr", Value::from_function(filters::selectattr)),
        ("rejectattr", Value::from_function(filters::rejectattr)),
        ("map", Value::from_function(filters::map)),
        ("groupby", Value::from_function(filters::groupby)),
        ("unique", Value::from_function(filters::unique)),
        ("chain", Value::from_function(filters::chain)),
        ("zip", Value::from_function(filters::zip)),
    ] {
        environment.add_filter(
            name,
            move |state: &mut State, arguments: Rest<ValueOrKwargs>| {
                let arguments = arguments.into_values();
                let taken = arguments.iter().map(weight).sum::<usize>();
                let characters = characters(name, &arguments);
                charge(state, taken + characters + growth(name, &arguments))?;
                let made = filter.call(state, &arguments)?;
                // A character that became an item is counted once.
                charge(state, weight(&made).saturating_sub(characters))?;
                Ok(made)
            },
        );
    }
    environment
}

/// Filters to which a text is a list of its characters.
const OF_ITEMS: [&str; 15] = [
    "first",
    "groupby",
    "join",
    "last",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "select",
    "selectattr",
    "sort",
    "sum",
    "unique",
];

/// What the characters of texts weigh as items, for a filter that takes them one by one: an item costs much more
/// than a byte.
fn characters(filter: &str, arguments: &[Value]) -> usize {
    let of_items = match filter {
        "zip" | "chain" => arguments,
        filter if OF_ITEMS.contains(&filter) => &arguments[..arguments.len().min(1)],
        _ => &[],
    };
    let texts = of_items.iter().filter_map(Value::as_str);
    texts.map(|text| text.chars().count() * ITEM).sum()
}

/// What a filter makes beyond a small multiple of what it takes.
fn growth(filter: &str, arguments: &[Value]) -> usize {
    let text = |at: usize| {
        arguments
            .get(at)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    match filter {
        "replace" => text(0)
            .matches(&text(1))
            .count()
            .saturating_mul(text(2).len()),
        "join" => {
            let items = arguments.first().map_or(0, weight) / ITEM;
            let longest = arguments[1..].iter().map(weight).max();
            items.saturating_mul(longest.unwrap_or_default())
        }
        "indent" => {
            let lines = text(0).matches('\n').count() + 1;
            let named = |value: &Value| value.get_attr("width").ok()?.as_usize();
            let widths = arguments[1..]
                .iter()
                .map(|v| v.as_usize().or(named(v)).unwrap_or(0));
            lines.saturating_mul(widths.max().unwrap_or_default())
        }
        _ => 0,
    }
}

fn range(lower: isize, upper: Option<isize>, step: Option<isize>) -> Result<Value, Error> {
    let (lower, upper) = upper.map_or((0, lower), |upper| (lower, upper));
    let step = step.unwrap_or(1);
    let beyond = |n: isize| if step > 0 { n >= upper } else { n <= upper };
    let mut numbers = Vec::new();
    let mut next = Some(lower);
    while let Some(n) = next.filter(|n| !beyond(*n)) {
        if step == 0 || numbers.len() == RANGE_MAX {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("expected a range of at most {RANGE_MAX} numbers, found more"),
            ));
        }
        numbers.push(Value::from(n as i64));
        next = n.checked_add(step);
    }
    Ok(Value::from(numbers))
}

/// Takes bytes up to a limit, and then fails.
pub(super) struct Bounded {
    /// What was written.
    pub bytes: Vec<u8>,
    limit: usize,
    /// More was written than fits.
    pub overflow: bool,
}

impl Bounded {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            overflow: false,
        }
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.overflow = true;
            return Err(io::Error::other("the text is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
