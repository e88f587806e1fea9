// SPDX-License-Identifier: Apache-2.0

/// A point in time as calendars count, in milliseconds since 1970-01-01 00:00 UTC. For people, and for what ends on a date.
package struct WallClockTime: Hashable, Sendable, CustomStringConvertible {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The end of a day of UTC, `2027-03-31` say: the first moment of the next one.
    ///
    /// `nil` for what is no day, and for years before 1970 and after 2199: as a wait, what comes later would not fit
    /// into ``MonotonicTime``.
    package init?(endOf day: String) {
        let parts = day.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2], day.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D }),
            let year = Int64(parts[0]), let month = Int64(parts[1]), let number = Int64(parts[2]),
            (1970...2199).contains(year), (1...12).contains(month), (1...31).contains(number)
        else { return nil }
        // As below: the year begins with March.
        let shiftedYear = month <= 2 ? year - 1 : year
        let shiftedMonth = month <= 2 ? month + 9 : month - 3
        let leapDays = shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400
        let days = shiftedYear * 365 + leapDays + (153 * shiftedMonth + 2) / 5 + number - 1 - 719_468
        let start = WallClockTime(milliseconds: days * 86_400_000)
        // The 30th of February is another day by that reckoning.
        guard start.description.hasPrefix(day) else { return nil }
        milliseconds = start.milliseconds + 86_400_000
    }

    /// `2026-11-21T01:02:03.456Z`.
    ///
    /// - SeeAlso: RFC 3339 §5.6
    package var description: String {
        let (seconds, thousandths) = milliseconds.flooredDivision(by: 1000)
        let (days, secondOfDay) = seconds.flooredDivision(by: 86_400)
        // Count from a first of March: the leap day is then the last of its year.
        let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(year.padded(4))-\(month.padded(2))-\(day.padded(2))"
            + "T\((secondOfDay / 3600).padded(2)):\((secondOfDay / 60 % 60).padded(2)):\((secondOfDay % 60).padded(2))"
            + ".\(thousandths.padded(3))Z"
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    fileprivate func padded(_ width: Int) -> String {
        let digits = String(self)
        return String(repeating: "0", count: Swift.max(0, width - digits.utf8.count)) + digits
    }
}
