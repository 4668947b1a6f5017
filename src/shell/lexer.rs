//! Characters → words, operators and here-documents, as a POSIX shell (and bash) splits them.
//!
//! Decides quoting, comments and which parts of a word are scripts of their own. Leaves out which words are commands
//! (`commands.rs`).

use super::text::Letter;
use super::{How, Word};

/// A piece of a script.
#[derive(Clone, Debug)]
pub(super) enum Token {
    Word(Word),
    /// `&&`, `||`, `;`, `|`, `&`, `(`, `)` or a line break.
    Operator(&'static str),
    /// A redirection, which the next word belongs to, and the operator's byte.
    Redirect {
        operator: &'static str,
        at: usize,
    },
    /// The text of a here-document; `true` where the shell expands it.
    Document {
        text: Vec<Letter>,
        expands: bool,
    },
}

/// Returns the pieces of `letters`; the text of a here-document follows right after its delimiter.
pub(super) fn tokens(letters: &[Letter]) -> Vec<Token> {
    let mut lexer = Lexer { letters, at: 0, tokens: Vec::new(), pending: Vec::new() };
    while let Some(letter) = lexer.peek(0) {
        lexer.token(letter);
    }
    lexer.tokens
}

/// Returns the texts of `$(…)` and `` `…` `` in `letters`, which nothing quotes: a here-document.
pub(super) fn substitutions(letters: &[Letter]) -> Vec<(How, Vec<Letter>)> {
    let mut lexer = Lexer { letters, at: 0, tokens: Vec::new(), pending: Vec::new() };
    let mut word = Draft::default();
    while let Some(letter) = lexer.peek(0) {
        lexer.inside_double_quotes(letter, &mut word);
    }
    word.nested
}

struct Lexer<'a> {
    letters: &'a [Letter],
    at: usize,
    tokens: Vec<Token>,
    /// Here-documents whose text has not come yet: the delimiter's token, and whether leading tabs go.
    pending: Vec<(usize, bool)>,
}

/// A word that is being read.
#[derive(Default)]
struct Draft {
    letters: Vec<Letter>,
    nested: Vec<(How, Vec<Letter>)>,
    quoted: bool,
    expands: bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).map(|letter| letter.letter)
    }

    /// The byte of the next character; after the last one, the byte behind it.
    fn place(&self) -> usize {
        self.letters.get(self.at).map_or_else(|| self.behind(), |letter| letter.at)
    }

    /// The byte behind the character before the next one.
    fn behind(&self) -> usize {
        let before = self.at.checked_sub(1).and_then(|at| self.letters.get(at));
        before.map_or(0, |letter| letter.at + letter.letter.len_utf8())
    }

    fn token(&mut self, letter: char) {
        match letter {
            '\n' => {
                self.at += 1;
                self.tokens.push(Token::Operator("\n"));
                self.documents();
            }
            '\\' if self.peek(1) == Some('\n') => self.at += 2,
            letter if letter.is_whitespace() => self.at += 1,
            '#' => self.skip_line(),
            ';' | '(' | ')' => self.operator(),
            '&' if self.peek(1) != Some('>') => self.operator(),
            '|' => self.operator(),
            '<' | '>' if self.peek(1) == Some('(') => self.word(),
            '<' | '>' | '&' => self.redirect(),
            _ => self.word(),
        }
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|letter| letter != '\n') {
            self.at += 1;
        }
    }

    fn operator(&mut self) {
        const OPERATORS: [&str; 10] = ["&&", "||", ";;", "|&", ";&", ";", "&", "|", "(", ")"];
        let fits = |operator: &&str| operator.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c));
        let operator = OPERATORS.into_iter().find(fits).expect("every operator's first character is one");
        self.at += operator.len();
        self.tokens.push(Token::Operator(match operator {
            "|&" => "|",
            ";;" | ";&" => ";",
            other => other,
        }));
    }

    fn redirect(&mut self) {
        const REDIRECTS: [&str; 12] = ["&>>", "<<<", "<<-", "&>", "<<", ">>", ">&", "<&", ">|", "<>", "<", ">"];
        let fits = |operator: &&str| operator.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c));
        let operator = REDIRECTS.into_iter().find(fits).expect("every operator's first character is one");
        let at = self.place();
        self.at += operator.len();
        self.tokens.push(Token::Redirect { operator, at });
        if matches!(operator, "<<" | "<<-") {
            self.delimiter(operator == "<<-");
        }
    }

    /// The word after `<<`, whose document comes with the next line.
    fn delimiter(&mut self, tabs: bool) {
        while self.peek(0).is_some_and(|letter| letter == ' ' || letter == '\t') {
            self.at += 1;
        }
        if self.peek(0).is_some_and(|letter| !ends_word(letter)) {
            self.pending.push((self.tokens.len(), tabs));
            self.word();
        }
    }

    /// Reads the texts of here-documents whose line has ended.
    fn documents(&mut self) {
        for (token, tabs) in std::mem::take(&mut self.pending) {
            let Some(Token::Word(delimiter)) = self.tokens.get(token) else { continue };
            let (delimiter, expands) = (delimiter.text.clone(), !delimiter.quoted);
            let text = self.document(&delimiter, tabs);
            self.tokens.push(Token::Document { text, expands });
        }
    }

    fn document(&mut self, delimiter: &str, tabs: bool) -> Vec<Letter> {
        let mut text = Vec::new();
        while self.at < self.letters.len() {
            let start = self.at;
            self.skip_line();
            let line = &self.letters[start..self.at];
            self.at = (self.at + 1).min(self.letters.len());
            let spelled: String = line.iter().map(|letter| letter.letter).collect();
            let bare = if tabs { spelled.trim_start_matches('\t') } else { &spelled };
            if bare.trim_end_matches('\r') == delimiter {
                break;
            }
            text.extend_from_slice(&self.letters[start..self.at]);
        }
        text
    }

    fn word(&mut self) {
        let start = self.place();
        let mut word = Draft::default();
        while let Some(letter) = self.peek(0) {
            match letter {
                '<' | '>' if self.peek(1) == Some('(') && word.letters.is_empty() => {
                    self.at += 1;
                    self.parenthesis(How::Process, &mut word);
                }
                letter if ends_word(letter) => break,
                '\'' => self.single_quotes(&mut word),
                '"' => self.double_quotes(&mut word),
                '\\' => self.escaped(&mut word),
                '$' | '`' => self.expansion(&mut word),
                _ => self.plain(&mut word),
            }
        }
        let text = word.letters.iter().map(|letter| letter.letter).collect();
        let Draft { letters, nested, quoted, expands } = word;
        let span = start..self.behind().max(start);
        self.tokens.push(Token::Word(Word { text, span, quoted, expands, letters, nested }));
    }

    /// Takes the next character as it is, and those after it that mean nothing anywhere.
    fn plain(&mut self, word: &mut Draft) {
        let rest = self.letters.get(self.at + 1..).unwrap_or_default();
        let means_nothing =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/' | '=');
        let length = rest.iter().take_while(|letter| means_nothing(letter.letter)).count();
        self.copy_to(self.at + 1 + length, word);
    }

    /// Takes the next character as it is.
    fn take(&mut self, word: &mut Draft) {
        word.letters.extend(self.letters.get(self.at));
        self.at += 1;
    }

    fn escaped(&mut self, word: &mut Draft) {
        self.at += 1;
        match self.peek(0) {
            Some('\n') => self.at += 1,
            Some(_) => {
                word.quoted = true;
                self.take(word);
            }
            None => {}
        }
    }

    fn single_quotes(&mut self, word: &mut Draft) {
        word.quoted = true;
        self.at += 1;
        let rest = self.letters.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|letter| letter.letter != '\'').count();
        self.copy_to(self.at + length, word);
        self.at = (self.at + 1).min(self.letters.len());
    }

    fn double_quotes(&mut self, word: &mut Draft) {
        word.quoted = true;
        self.at += 1;
        while let Some(letter) = self.peek(0) {
            if letter == '"' {
                break;
            }
            self.inside_double_quotes(letter, word);
        }
        self.at = (self.at + 1).min(self.letters.len());
    }

    fn inside_double_quotes(&mut self, letter: char, word: &mut Draft) {
        match (letter, self.peek(1)) {
            ('\\', Some('"' | '\\' | '$' | '`')) => {
                self.at += 1;
                self.take(word);
            }
            ('\\', Some('\n')) => self.at += 2,
            ('$' | '`', _) => self.expansion(word),
            _ => self.take(word),
        }
    }

    /// `$name`, `${…}`, `$(…)`, `$'…'` or `` `…` ``: as written into the word, and what it runs into `nested`.
    fn expansion(&mut self, word: &mut Draft) {
        match (self.peek(0), self.peek(1)) {
            (Some('$'), Some('\'')) => self.at += 1,
            (Some('$'), Some('(')) => {
                word.expands = true;
                self.take(word);
                self.parenthesis(How::Substitution, word);
            }
            (Some('$'), Some('{')) => self.braces(word),
            (Some('`'), _) => self.backticks(word),
            (_, next) => {
                word.expands |= next.is_some_and(|next| next.is_alphanumeric() || "_?!#*@$-".contains(next));
                self.take(word);
            }
        }
    }

    /// `(…)` behind `$`, `<` or `>`.
    fn parenthesis(&mut self, how: How, word: &mut Draft) {
        let end = self.closing(self.at);
        let inner = self.letters.get(self.at + 1..end).unwrap_or_default();
        word.nested.push((how, inner.to_vec()));
        self.copy_to(end + 1, word);
    }

    fn braces(&mut self, word: &mut Draft) {
        word.expands = true;
        let end = self.closing(self.at + 1);
        let mut at = self.at;
        while at < end {
            let letter = |at: usize| self.letters.get(at).map(|letter| letter.letter);
            if (letter(at), letter(at + 1)) == (Some('$'), Some('(')) {
                let closing = self.closing(at + 1);
                let inner = self.letters.get(at + 2..closing).unwrap_or_default();
                word.nested.push((How::Substitution, inner.to_vec()));
                at = closing;
            }
            at += 1;
        }
        self.copy_to(end + 1, word);
    }

    fn backticks(&mut self, word: &mut Draft) {
        word.expands = true;
        let rest = self.letters.get(self.at + 1..).unwrap_or_default();
        let closes = |at: &usize| rest[*at].letter == '`' && (*at == 0 || rest[*at - 1].letter != '\\');
        let length = (0..rest.len()).find(closes).unwrap_or(rest.len());
        word.nested.push((How::Substitution, rest[..length].to_vec()));
        self.copy_to(self.at + length + 2, word);
    }

    fn copy_to(&mut self, end: usize, word: &mut Draft) {
        let end = end.min(self.letters.len());
        word.letters.extend_from_slice(self.letters.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// The index of the bracket that closes the one at `open`, quotes and nesting respected; the end of the text when
    /// none does.
    fn closing(&self, open: usize) -> usize {
        let mut stack = Vec::new();
        let mut at = open;
        while let Some(letter) = self.letters.get(at).map(|letter| letter.letter) {
            match (stack.last(), letter) {
                (Some('\''), '\'') => _ = stack.pop(),
                (Some('\''), _) => {}
                (_, '\\') => at += 1,
                (Some(expected), found) if *expected == found => _ = stack.pop(),
                (Some('"'), '(' | '{') if self.letters.get(at - 1).is_none_or(|before| before.letter != '$') => {}
                (Some('"'), '\'') => {}
                (_, '(') => stack.push(')'),
                (_, '{') => stack.push('}'),
                (_, '\'' | '"') => stack.push(letter),
                _ => {}
            }
            if stack.is_empty() {
                return at;
            }
            at += 1;
        }
        self.letters.len()
    }
}

fn ends_word(letter: char) -> bool {
    matches!(letter, '&' | '|' | ';' | '(' | ')' | '<' | '>') || letter.is_whitespace()
}
