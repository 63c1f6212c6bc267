//! Where comments and strings of a script end: what is in them is no code.

/// Where the comment ends that has begun before `at`. Comments may hold others.
pub(super) fn end_of_comment(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 1;
    while depth > 0 {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'/', Some(b'*')) => depth += 1,
            (b'*', Some(b'/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    Some(at)
}

/// Where the string or character ends. Two quotes in it stand for one: then another string follows at once.
pub(super) fn end_of_string(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Where the template string ends whose next part begins at `at`, or an interpolation in it begins: that is a
/// brace deeper, and noted.
pub(super) fn go_on(
    bytes: &[u8],
    mut at: usize,
    depth: &mut usize,
    interpolations: &mut Vec<usize>,
) -> Option<usize> {
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'`', _) => return Some(at + 1),
            (b'$', Some(b'{')) => {
                *depth += 1;
                interpolations.push(*depth);
                return Some(at + 2);
            }
            // An interpolation that is none.
            (b'\\', Some(b'$')) => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the string ends that has as many `#` after it as before it.
pub(super) fn end_of_raw_string(bytes: &[u8], at: usize) -> Option<usize> {
    let signs = |from: usize| bytes[from..].iter().take_while(|&&byte| byte == b'#').count();
    let more = signs(at);
    let mut at = at + more;
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    loop {
        at += 1 + memchr::memchr(b'"', bytes.get(at + 1..)?)?;
        if signs(at + 1) > more {
            return Some(at + more + 2);
        }
    }
}
