//! The two encodings inside a rawjson stream: base64 and RFC 3339 times. Leaves out everything that a stream of
//! BuildKit does not hold; what cannot be read is `None`, never an error.

/// Returns the bytes of standard base64 (RFC 4648 §4); padding may be missing.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes().map(sextet).collect::<Option<Vec<u32>>>()?;
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// Returns nanoseconds since 1970 of a time as Go writes it, `2026-11-21T04:50:05.123456789+01:00`.
pub(super) fn nanoseconds(text: &str) -> Option<i128> {
    let (date, time) = text.split_once('T')?;
    let zone_at = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
    let fraction: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction))
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = small(hours)? * 3_600 + small(minutes)? * 60;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let numbers = text.split(separator).map(small).collect::<Option<Vec<_>>>()?;
    numbers.try_into().ok()
}

/// Reads a number of at most four digits, so that no sum can overflow.
fn small(text: &str) -> Option<i64> {
    if text.len() > 4 { None } else { text.parse::<u16>().ok().map(i64::from) }
}

/// Returns the days from 1970-01-01 (Howard Hinnant, `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(base64("aGVsbG8K").unwrap(), b"hello\n");
        assert_eq!(base64("aGVsbG8=").unwrap(), b"hello");
        assert_eq!(base64("aGVsbA").unwrap(), b"hell");
        assert_eq!(base64("/+8=").unwrap(), [0xff, 0xef]);
        assert_eq!(base64("").unwrap(), b"");
        assert_eq!(base64("a-b_"), None);
    }

    #[test]
    fn times_are_read_in_every_zone() {
        assert_eq!(nanoseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanoseconds("2000-03-01T00:00:00Z"), Some(951_868_800_000_000_000));
        assert_eq!(nanoseconds("1970-01-01T01:00:00.5+01:00"), Some(500_000_000));
        assert_eq!(nanoseconds("1969-12-31T23:00:00.000000001-01:00"), Some(1));
        assert_eq!(nanoseconds("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000_000_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "T", "2026-11-21", "2026-11-21T04:50Z", "2026-11-21T04:50:05.é2345678Z", "99999-1-1T0:0:0Z"] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}
