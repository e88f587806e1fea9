// SPDX-License-Identifier: Apache-2.0

/// A 16-bit number that wraps: what "before" and "after" mean is decided modulo 2^16.
///
/// - SeeAlso: RFC 2661 §5.8
package struct SequenceNumber: Hashable, Sendable {
    package var rawValue: UInt16

    package init(_ rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package var next: SequenceNumber { SequenceNumber(rawValue &+ 1) }

    /// How far `other` lies ahead; negative if behind. In -32768...32767.
    package func distance(to other: SequenceNumber) -> Int {
        Int(Int16(bitPattern: other.rawValue &- rawValue))
    }

    package func isBefore(_ other: SequenceNumber) -> Bool { distance(to: other) > 0 }
}
