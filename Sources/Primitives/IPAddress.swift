// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address, without scope.
package enum IPAddress: Hashable, Sendable {
    /// In host order: 127.0.0.1 is 0x7F00_0001.
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// From 4 or 16 bytes in network order; `nil` for any other count.
    package init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4:
            self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
            )
        default:
            return nil
        }
    }

    /// 4 or 16 bytes in network order.
    package var bytes: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 16)
        switch self {
        case .v4(let value):
            writer.integer(value)
        case .v6(let high, let low):
            writer.integer(high)
            writer.integer(low)
        }
        return writer.bytes
    }

    package var isV4: Bool {
        switch self {
        case .v4: true
        case .v6: false
        }
    }

    package var bitWidth: Int { isV4 ? 32 : 128 }

    /// 0.0.0.0 or ::.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let value): value == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// The address `offset` places further on; `nil` past the end of the address space.
    package func advanced(by offset: UInt32) -> IPAddress? {
        switch self {
        case .v4(let value):
            let (sum, overflows) = value.addingReportingOverflow(offset)
            return overflows ? nil : .v4(sum)
        case .v6(let high, let low):
            let (sum, carries) = low.addingReportingOverflow(UInt64(offset))
            let (top, overflows) = high.addingReportingOverflow(carries ? 1 : 0)
            return overflows ? nil : .v6(high: top, low: sum)
        }
    }
}

extension IPAddress: Comparable {
    /// Numerical within a family; IPv4 before IPv6.
    package static func < (a: IPAddress, b: IPAddress) -> Bool {
        switch (a, b) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let aHigh, let aLow), .v6(let bHigh, let bLow)): (aHigh, aLow) < (bHigh, bLow)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads the usual text forms (RFC 4291 §2.2, with an embedded IPv4 tail); no zone, no brackets, no spaces.
    package init?(_ text: String) {
        if text.contains(":") {
            guard let address = IPAddress.v6(parsing: text) else { return nil }
            self = address
        } else {
            guard let value = IPAddress.v4Value(parsing: text) else { return nil }
            self = .v4(value)
        }
    }

    private static func v4Value(parsing text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                part.utf8.count == 1 || part.utf8.first != 0x30, let octet = UInt8(part)
            else { return nil }
            value = value << 8 | UInt32(octet)
        }
        return value
    }

    private static func v6(parsing text: String) -> IPAddress? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, !text.contains(":::") else { return nil }
        guard let head = groups(halves[0], isLast: halves.count == 1) else { return nil }
        var groups = head
        if halves.count == 2 {
            guard let tail = self.groups(halves[1], isLast: true), head.count + tail.count < 8 else { return nil }
            groups += Array(repeating: 0, count: 8 - head.count - tail.count) + tail
        }
        guard groups.count == 8 else { return nil }
        let high = groups.prefix(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups.suffix(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return .v6(high: high, low: low)
    }

    private static func groups(_ text: Substring, isLast: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, part.contains(".") {
                guard let value = v4Value(parsing: part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: value >> 16), UInt16(truncatingIfNeeded: value)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    /// The canonical form of RFC 5952; an IPv4-mapped address shows its IPv4 tail (§5 there).
    package var description: String {
        switch self {
        case .v4(let value):
            return "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
        case .v6(0, let low) where low >> 32 == 0xFFFF:
            return "::ffff:\(IPAddress.v4(UInt32(truncatingIfNeeded: low)))"
        case .v6(let high, let low):
            let groups = [high, low].flatMap { half in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
            }
            return IPAddress.text(of: groups)
        }
    }

    private static func text(of groups: [UInt16]) -> String {
        var longest = 0..<0
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > longest.count { longest = start..<index }
            start = index + 1
        }
        let hex = { (slice: ArraySlice<UInt16>) in slice.map { String($0, radix: 16) }.joined(separator: ":") }
        guard longest.count > 1 else { return hex(groups[...]) }
        return hex(groups[..<longest.lowerBound]) + "::" + hex(groups[longest.upperBound...])
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
    }
}
