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

/// The rows as lines, in aligned columns. A column without any text takes no room.
pub fn align<const N: usize>(table: &[[String; N]]) -> String {
    let table: Vec<[String; N]> =
        table.iter().map(|row| row.each_ref().map(|cell| visible::line(cell).into_owned())).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in table {
        for (column, cell) in row.iter().enumerate() {
            let last = column + 1 == N || widths[column] == 0;
            let padding = if last { 0 } else { widths[column] + 2 - cell.chars().count() };
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.push('\n');
    }
    text
}

/// Like [`align`], with the paths in the last column shortened so that lines are at most `width` characters long,
/// if that leaves them legible. Of the columns in `spare`, the first ones are left out where it does not.
pub fn align_within<const N: usize>(table: &[[String; N]], width: usize, spare: &[usize]) -> String {
    let mut table = table.to_vec();
    let longest = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut others: usize = (0..N - 1).map(|column| longest(column) + 2).sum();
    let rooms: Vec<(usize, usize)> = spare.iter().map(|&column| (column, longest(column) + 2)).collect();
    for (column, room) in rooms {
        if others + LEGIBLE <= width {
            break;
        }
        for row in &mut table {
            row[column].clear();
        }
        others -= room;
    }
    let room = width.saturating_sub(others).max(LEGIBLE);
    for row in &mut table {
        row[N - 1] = shortened(&row[N - 1], room);
    }
    align(&table)
}

/// The shortest form of a path, in characters.
const LEGIBLE: usize = 20;

/// The last parts of a path that fit: the first ones are the same for most projects.
fn shortened(path: &str, room: usize) -> String {
    let path = visible::line(path);
    let length = path.chars().count();
    if length <= room {
        return path.into_owned();
    }
    let fits = |at: &usize| path[*at..].chars().count() < room;
    let part = path.match_indices('/').map(|(at, _)| at).find(fits);
    let from = part.or_else(|| path.char_indices().map(|(at, _)| at).find(fits)).unwrap_or(0);
    format!("…{}", &path[from..])
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
    fn paths_are_shortened_to_the_last_parts_that_fit() {
        for (path, room, expected) in [
            ("~/src/app", 9, "~/src/app"),
            ("~/src/app", 8, "…/app"),
            ("~/src/web/app", 9, "…/web/app"),
            ("/äöü/app", 7, "…/app"),
            ("~/a-long-name", 5, "…name"),
        ] {
            assert_eq!(shortened(path, room), expected, "{path} {room}");
        }
        let table = [["a", "/home/you/projects/one/web"], ["bb", "~/b"]].map(|row| row.map(str::to_owned));
        assert_eq!(align_within(&table, 24, &[]), "a   …/projects/one/web\nbb  ~/b\n");
        assert_eq!(align_within(&table, 1, &[]), "a   …/projects/one/web\nbb  ~/b\n");
    }

    #[test]
    fn spare_columns_are_left_out_one_by_one_where_there_is_no_room() {
        let table = [["name", "1s", "2 MiB", "/home/you/projects/one/web"].map(str::to_owned)];
        for (width, expected) in [
            (37, "name  1s  2 MiB  …/projects/one/web\n"),
            (36, "name  1s  /home/you/projects/one/web\n"),
            (29, "name  …/you/projects/one/web\n"),
        ] {
            assert_eq!(align_within(&table, width, &[2, 1]), expected, "{width}");
        }
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(age(Duration::from_millis(400)), "0s");
        assert_eq!(age(Duration::from_secs(3 * 3600 + 61)), "3h 1m");
        assert_eq!(size(5 << 20), "5.0 MiB");
        assert_eq!(size(3 << 30), "3.0 GiB");
    }
}
