//! Dates as people type them, RFC 3339: `2024-05-01`, `2024-05-01T12:00:00Z`, `2024-05-01T12:00:00+02:00`.
//!
//! Decides that a day without a time is meant to its end, in UTC: what happened on that day is not after it.

use crate::resolve::Date;

/// Reads a date or a date with a time.
///
/// # Errors
/// Why it is neither.
pub(super) fn read(text: &str) -> Result<Date, String> {
    const FORM: &str = "must be a date like `2024-05-01`, or one with a time like `2024-05-01T12:00:00Z`";
    let seconds = seconds(text).ok_or_else(|| FORM.to_owned())?;
    Ok(Date { seconds, text: text.to_owned() })
}

/// Returns the seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let longest = *days.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let day_is_good = (1970..=9999).contains(&year) && (1..=longest).contains(&day);
    let midnight = day_is_good.then(|| days_since_1970(year, month, day) * 86_400)?;
    time.map_or(Some(86_399), time_of_day).map(|time| midnight + time)
}

/// Returns the seconds since midnight in UTC of a time with its zone.
fn time_of_day(text: &str) -> Option<i64> {
    let at = text.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = text.split_at(at);
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let good = hour < 24 && minute < 60 && second < 61;
    let offset = match zone.split_at(1) {
        ("Z" | "z", "") => 0,
        (sign, offset) => {
            let [hours, minutes] = numbers(offset, ':', [2, 2])?;
            let offset = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
            if sign == "-" { -offset } else { offset }
        }
    };
    good.then_some(hour * 3600 + minute * 60 + second - offset)
}

/// Reads numbers of so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let is_number =
        |(part, digits): (&&str, &usize)| part.len() == *digits && part.bytes().all(|byte| byte.is_ascii_digit());
    let good = parts.len() == N && parts.iter().zip(&digits).all(is_number);
    let numbers: Vec<i64> = good.then(|| parts.iter().filter_map(|part| part.parse().ok()).collect())?;
    numbers.try_into().ok()
}

/// Counts days of the Gregorian calendar from 1970 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// Returns the day of a moment, in UTC.
pub(super) fn day(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400).clamp(-700_000, 2_932_896) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_mean_the_end_of_their_day_and_times_their_second() {
        assert_eq!(seconds("1970-01-01"), Some(86_399));
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2023-11-14T22:13:20Z"), Some(1_700_000_000));
        assert_eq!(seconds("2023-11-15T00:13:20+02:00"), Some(1_700_000_000));
        assert_eq!(seconds("2024-02-29t12:00:00z"), Some(1_709_208_000));
        assert_eq!(seconds("2000-03-01T00:00:00Z"), Some(951_868_800));
    }

    #[test]
    fn a_day_is_read_back_as_it_was_written() {
        for text in ["1970-01-01", "1999-12-31", "2000-02-29", "2000-03-01", "2024-02-29", "2100-02-28", "9999-12-31"] {
            assert_eq!(seconds(text).map(day).as_deref(), Some(text));
        }
        assert_eq!((day(-1), day(i64::MIN).len()), ("1969-12-31".to_owned(), 10));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2024-00-10",
            "2023-02-29",
            "2024-1-1",
            "24-01-01",
            "2024-01-01T",
            "2024-01-01T12:00",
            "2024-01-01T12:00:00",
            "2024-01-01T24:00:00Z",
            "2024-01-01T12:00:00+1",
            "yesterday",
            "2024-01-0١",
            "1969-12-31",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
