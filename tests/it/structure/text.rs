//! The text of a source file without what is no code.

/// Words, `::` and single characters, with the numbers of their lines.
pub fn tokens(code: &str) -> Vec<(usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push((index + 1, &rest[..length]));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// Puts spaces in place of comments and of literals of strings and characters; lines stay lines.
pub fn blank(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_raw = first == 'r' && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let hashes = rest.chars().skip(1).take_while(|&c| c == '#').count();
        let after = |from: usize, end: &str| from + rest[from..].find(end).unwrap() + end.len();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            after(2, "*/")
        } else if is_raw && rest[1 + hashes..].starts_with('"') {
            after(hashes + 2, &format!("\"{}", "#".repeat(hashes)))
        } else if first == '"' {
            1 + literal_length(&rest[1..], '"')
        } else if rest.starts_with("'\\") || first == '\'' && rest.chars().nth(2) == Some('\'') {
            1 + literal_length(&rest[1..], '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.extend(
            rest[..length]
                .chars()
                .map(|c| if c == '\n' { c } else { ' ' }),
        );
        rest = &rest[length..];
    }
    code
}

/// The length of a literal from after its first quote, its last one included.
fn literal_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.unwrap() + 1
}

/// Blanks the modules under `#[cfg(test)]` and returns the names of those that are files.
pub fn remove_test_modules(code: &mut String) -> Vec<String> {
    let mut files = Vec::new();
    while let Some(start) = code.find("#[cfg(test)]") {
        let end = start + code[start..].find(['{', ';']).unwrap();
        let length = if code[end..].starts_with('{') {
            code[end..].find("\n}").unwrap() + 2
        } else {
            let declaration = code[start..end].rsplit_once("mod ");
            files.extend(declaration.map(|(_, name)| name.to_owned()));
            1
        };
        let lines = code[start..end + length].matches('\n').count();
        code.replace_range(start..end + length, &"\n".repeat(lines));
    }
    files
}
