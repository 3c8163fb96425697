//! Aligned columns, and short forms of durations and sizes.

use std::time::Duration;

use crate::visible;

/// A duration in its two largest units: `3h 1m`.
pub fn age(time: Duration) -> String {
    let whole = humantime::format_duration(Duration::from_secs(time.as_secs())).to_string();
    whole.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// A size in MiB or GiB.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub fn size(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.1} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

/// The rows as lines, in aligned columns.
pub fn align<const N: usize>(table: &[[String; N]]) -> String {
    let table: Vec<[String; N]> =
        table.iter().map(|row| row.each_ref().map(|cell| visible::line(cell).into_owned())).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in table {
        for (column, cell) in row.iter().enumerate() {
            let padding = if column + 1 == N { 0 } else { widths[column] + 2 - cell.chars().count() };
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let table = [["a", "bb", "c"], ["aaa", "b", "cc"]].map(|row| row.map(str::to_owned));
        assert_eq!(align(&table), "a    bb  c\naaa  b   cc\n");
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(age(Duration::from_millis(400)), "0s");
        assert_eq!(age(Duration::from_secs(3 * 3600 + 61)), "3h 1m");
        assert_eq!(size(5 << 20), "5.0 MiB");
        assert_eq!(size(3 << 30), "3.0 GiB");
    }
}
