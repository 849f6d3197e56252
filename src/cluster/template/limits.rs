//! What code in a template must not have. It is found before the engine sees the code.

use super::TemplateProblem;
use super::scan::{Code, Token};

/// Words of the language that are no names of variables.
const KEYWORDS: [&str; 12] = [
    "if", "else", "and", "or", "not", "in", "is", "true", "false", "True", "False", "none",
];

/// Filters that give numbers, whatever they take.
const NUMERIC: [&str; 6] = ["int", "float", "length", "count", "abs", "round"];

/// A text or a list times a number is as long as anybody likes, so `*` is for numbers.
pub(super) fn check_products(
    code: &Code<'_>,
    is_number: &dyn Fn(&str) -> bool,
) -> Result<(), TemplateProblem> {
    let numbers = Numbers {
        tokens: &code.tokens,
        is_number,
    };
    for (at, token) in code.tokens.iter().enumerate() {
        if *token == Token::Symbol("*") && !(numbers.before(at) && numbers.after(at + 1)) {
            return Err(TemplateProblem::new(
                "expected numbers around `*`, found something else",
                code.at.clone(),
            )
            .with_help("write a text out, or make a number of it: `NAME|int * 2`"));
        }
    }
    Ok(())
}

struct Numbers<'c> {
    tokens: &'c [Token<'c>],
    is_number: &'c dyn Fn(&str) -> bool,
}

impl Numbers<'_> {
    fn symbol(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some(Token::Symbol(symbol)) => Some(symbol),
            _ => None,
        }
    }

    fn name(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether what ends before this token is sure to be a number.
    fn before(&self, end: usize) -> bool {
        let Some(last) = end.checked_sub(1) else {
            return false;
        };
        let previous = last.checked_sub(1).and_then(|at| self.symbol(at));
        match self.tokens[last] {
            Token::Number => previous != Some("."),
            Token::Name(name) => match previous {
                Some("|") => NUMERIC.contains(&name),
                Some(".") => self.is_loop(last - 1) && is_position(name),
                _ => (self.is_number)(name) && !self.is_test(last),
            },
            Token::Symbol(")") => match self.opening(last) {
                // The arguments of a filter.
                Some(open) if open > 1 && self.symbol(open - 2) == Some("|") => self
                    .name(open - 1)
                    .is_some_and(|name| NUMERIC.contains(&name)),
                Some(open) => !self.is_call(open) && self.all(open + 1, last),
                None => false,
            },
            Token::Symbol(_) | Token::Text => false,
        }
    }

    /// Whether what begins with this token is sure to be a number.
    fn after(&self, start: usize) -> bool {
        let mut at = start;
        while self.symbol(at) == Some("-") {
            at += 1;
        }
        let (mut number, mut at) = match self.tokens.get(at) {
            Some(Token::Number) => (true, at + 1),
            Some(Token::Name("loop")) if self.symbol(at + 1) == Some(".") => {
                (self.name(at + 2).is_some_and(is_position), at + 3)
            }
            Some(Token::Name(name)) => ((self.is_number)(name), at + 1),
            Some(Token::Symbol("(")) => match self.closing(at) {
                Some(close) => (self.all(at + 1, close), close + 1),
                None => return false,
            },
            Some(Token::Symbol(_) | Token::Text) | None => return false,
        };
        if matches!(self.symbol(at), Some("." | "[" | "(")) || self.name(at) == Some("is") {
            return false;
        }
        while self.symbol(at) == Some("|") {
            number = self
                .name(at + 1)
                .is_some_and(|name| NUMERIC.contains(&name));
            at += 2;
            if self.symbol(at) == Some("(") {
                match self.closing(at) {
                    Some(close) => at = close + 1,
                    None => return false,
                }
            }
        }
        number
    }

    /// Whether everything in a group is sure to be a number.
    fn all(&self, start: usize, end: usize) -> bool {
        (start..end).all(|at| match self.tokens[at] {
            Token::Number => true,
            Token::Text => false,
            Token::Symbol(symbol) => !matches!(symbol, "[" | "{" | "," | "~" | "." | ":"),
            Token::Name(name) if at > 0 && self.symbol(at - 1) == Some("|") => {
                NUMERIC.contains(&name)
            }
            Token::Name(name) => KEYWORDS.contains(&name) || (self.is_number)(name),
        })
    }

    /// Whether the dot is that of `loop.…`.
    fn is_loop(&self, dot: usize) -> bool {
        let before = |n: usize| dot.checked_sub(n);
        before(1).and_then(|at| self.name(at)) == Some("loop")
            && before(2).and_then(|at| self.symbol(at)) != Some(".")
    }

    fn is_test(&self, at: usize) -> bool {
        let before = |n: usize| at.checked_sub(n).and_then(|at| self.name(at));
        before(1) == Some("is") || (before(1) == Some("not") && before(2) == Some("is"))
    }

    fn is_call(&self, open: usize) -> bool {
        let Some(before) = open.checked_sub(1) else {
            return false;
        };
        match self.tokens[before] {
            Token::Name(name) => !KEYWORDS.contains(&name),
            Token::Symbol(symbol) => matches!(symbol, ")" | "]"),
            Token::Number | Token::Text => true,
        }
    }

    fn opening(&self, close: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (0..=close).rev().find(|at| {
            match self.symbol(*at) {
                Some(")" | "]" | "}") => depth += 1,
                Some("(" | "[" | "{") => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (open..self.tokens.len()).find(|at| {
            match self.symbol(*at) {
                Some("(" | "[" | "{") => depth += 1,
                Some(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }
}

/// A number that a loop has.
fn is_position(name: &str) -> bool {
    ["index", "index0", "revindex", "revindex0", "length"].contains(&name)
}

/// How often a piece of code names variables: what it makes is at most so many times as large as the largest of
/// them.
pub(super) fn names(tokens: &[Token<'_>]) -> usize {
    let symbol = |at: usize, wanted: &[&str]| match tokens.get(at) {
        Some(Token::Symbol(symbol)) => wanted.contains(symbol),
        _ => false,
    };
    let named = tokens.iter().enumerate().filter(|(at, token)| match token {
        Token::Name(name) => {
            let part = *at > 0 && symbol(at - 1, &[".", "|"]);
            !part && !symbol(at + 1, &["="]) && !KEYWORDS.contains(name)
        }
        Token::Number | Token::Text | Token::Symbol(_) => false,
    });
    named.count()
}

#[cfg(test)]
mod tests {
    use super::super::scan::{Chunk, Syntax, scan};
    use super::*;

    #[test]
    fn a_product_is_of_numbers() {
        for (text, fine) in [
            ("2 * 3", true),
            ("N * 1024 * 1024", true),
            ("N * 2 ~ 'm'", true),
            ("(N + 1) * -N", true),
            ("T|int * 2", true),
            ("2 * T|int", true),
            ("2 * T|int(0) ~ T", true),
            ("T|default('1')|int * N", true),
            ("loop.index * 2", true),
            ("2 * loop.index0", true),
            ("T|length * 2", true),
            ("'x' * 2", false),
            ("2 * 'x'", false),
            ("2 * T", false),
            ("T * 2", false),
            ("[T] * 2", false),
            ("2 * [T]", false),
            ("(T,) * 2", false),
            ("(T ~ T) * 2", false),
            ("(T) * 2", false),
            ("T|upper * 2", false),
            ("T|default(N) * 2", false),
            ("N|string * 2", false),
            ("2 * N|string", false),
            ("2 * N|int|string", false),
            ("{'index': T}.index * 2", false),
            ("T.loop.index * 2", false),
            ("N * N[0]", false),
            ("f(N) * 2", false),
            ("f(2)(N) * 2", false),
            ("T.N * 2", false),
            ("* 2", false),
            ("2 *", false),
        ] {
            let text = format!("{{{{ {text} }}}}");
            let parts = scan(&text, Syntax::Value).unwrap();
            let [Chunk::Expression(code)] = &parts[..] else {
                panic!("{text} is one expression");
            };
            let checked = check_products(code, &|name| name == "N");
            assert_eq!(checked.is_ok(), fine, "{text}");
        }
    }
}
