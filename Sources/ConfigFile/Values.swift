// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// Single values. Each reader returns `nil` after it reported why; `what` names the key in the message.
extension Document.Node {
    func text(_ what: String, _ diagnostics: inout Diagnostics) -> String? {
        guard case .scalar(let text, _) = content, !isEmpty else {
            diagnostics.error(position, "\(what) is a single value, not \(kind)")
            return nil
        }
        return text
    }

    func integer(_ what: String, in range: ClosedRange<Int>, _ diagnostics: inout Diagnostics) -> Int? {
        guard let text = text(what, &diagnostics) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            diagnostics.error(
                position,
                "\(what) is a whole number from \(range.lowerBound) to \(range.upperBound), not \(text.quoted)"
            )
            return nil
        }
        return value
    }

    func boolean(_ what: String, _ diagnostics: inout Diagnostics) -> Bool? {
        guard let text = text(what, &diagnostics) else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default:
            diagnostics.error(position, "\(what) is true or false, not \(text.quoted)")
            return nil
        }
    }

    /// `500ms`, `60s`, `90m`, `8h`, `1d`.
    func duration(_ what: String, in range: ClosedRange<Duration>, _ diagnostics: inout Diagnostics) -> Duration? {
        guard let text = text(what, &diagnostics) else { return nil }
        guard let value = Duration(text) else {
            diagnostics.error(
                position,
                "\(what) is a duration, not \(text.quoted)",
                remedy: "write a number and ms, s, m, h or d, as in 60s"
            )
            return nil
        }
        guard range.contains(value) else {
            diagnostics.error(
                position,
                "\(what) lies between \(range.lowerBound.text) and \(range.upperBound.text), not at \(text)"
            )
            return nil
        }
        return value
    }

    /// `500MB`, `50GB`: units are powers of a thousand.
    func byteCount(_ what: String, in range: ClosedRange<UInt64>, _ diagnostics: inout Diagnostics) -> UInt64? {
        guard let text = text(what, &diagnostics) else { return nil }
        let digits = text.prefix { ("0"..."9").contains($0) }
        let units: [Substring: UInt64] = ["kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000]
        guard let count = UInt64(digits), let unit = units[text.dropFirst(digits.count)] else {
            diagnostics.error(
                position,
                "\(what) is an amount of bytes, not \(text.quoted)",
                remedy: "write a number and kB, MB, GB or TB, as in 50GB"
            )
            return nil
        }
        let (value, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, range.contains(value) else {
            let words = [range.lowerBound, range.upperBound].map { bound in
                let unit = units.filter { bound % $0.value == 0 }.max { $0.value < $1.value }
                return unit.map { "\(bound / $0.value)\($0.key)" } ?? "\(bound)"
            }
            diagnostics.error(position, "\(what) lies between \(words[0]) and \(words[1]), not at \(text)")
            return nil
        }
        return value
    }

    /// One of the words of a closed list.
    func choice<T: RawRepresentable<String> & CaseIterable>(
        _ what: String,
        _ diagnostics: inout Diagnostics
    ) -> T? {
        guard let text = text(what, &diagnostics) else { return nil }
        if let value = T(rawValue: text) { return value }
        let words = T.allCases.map(\.rawValue)
        diagnostics.error(
            position,
            "\(what) is one of \(words.joined(separator: ", ")), not \(text.quoted)",
            remedy: text.suggestion(among: words)
        )
        return nil
    }

    func address(_ what: String, _ diagnostics: inout Diagnostics) -> IPAddress? {
        guard let text = text(what, &diagnostics) else { return nil }
        if let address = IPAddress(text) { return address }
        diagnostics.error(position, "\(what) is an IP address, not \(text.quoted)")
        return nil
    }

    func prefix(_ what: String, _ diagnostics: inout Diagnostics) -> IPPrefix? {
        guard let text = text(what, &diagnostics) else { return nil }
        guard let prefix = IPPrefix(text) else {
            diagnostics.error(position, "\(what) is an address block such as 192.0.2.0/24, not \(text.quoted)")
            return nil
        }
        let address = text.split(separator: "/").first.flatMap { IPAddress(String($0)) }
        guard address == prefix.address else {
            diagnostics.error(
                position,
                "\(what) \(text) has bits set beyond its length",
                remedy: "the block around it is \(prefix)"
            )
            return nil
        }
        return prefix
    }

    /// The elements of a list; a single value counts as a list of one.
    func elements(_ what: String, _ diagnostics: inout Diagnostics) -> [Document.Node]? {
        switch content {
        case .list(let elements): return elements
        case .scalar where !isEmpty: return [self]
        case .scalar, .mapping:
            diagnostics.error(position, "\(what) is a list, not \(kind)")
            return nil
        }
    }

    /// Addresses without repetition.
    func addresses(_ what: String, _ diagnostics: inout Diagnostics) -> [(address: IPAddress, position: Position)] {
        var addresses: [(address: IPAddress, position: Position)] = []
        for element in elements(what, &diagnostics) ?? [] {
            guard let address = element.address("an entry of \(what)", &diagnostics) else { continue }
            if addresses.contains(where: { $0.address == address }) {
                diagnostics.error(element.position, "\(what) lists \(address) twice")
            } else {
                addresses.append((address, element.position))
            }
        }
        return addresses
    }
}

extension Duration {
    /// A number and its unit; `nil` for anything else and for what exceeds a century.
    fileprivate init?(_ text: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let count = Int(digits), count <= 3_155_760_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": self = .milliseconds(count)
        case "s": self = .seconds(count)
        case "m": self = .seconds(count * 60)
        case "h": self = .seconds(count * 3_600)
        case "d": self = .seconds(count * 86_400)
        default: return nil
        }
        guard self <= .seconds(3_155_760_000) else { return nil }
    }

    /// In the largest unit without remainder.
    var text: String {
        let milliseconds = wholeNanoseconds / 1_000_000
        for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] as [(String, Int64)]
        where milliseconds != 0 && milliseconds % length == 0 {
            return "\(milliseconds / length)\(unit)"
        }
        return "\(milliseconds)ms"
    }
}
