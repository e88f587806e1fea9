// SPDX-License-Identifier: Apache-2.0

/// Names one call in every log line, event and snapshot, from the first IKE packet to the last
/// accounting record. Random, so that it says nothing and collides with nothing.
package struct TraceID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// From the text form.
    package init?(_ text: String) {
        // A sign would be a valid number, but not the text form.
        guard text.utf8.count == 16, text.first?.isHexDigit == true, let value = UInt64(text, radix: 16) else {
            return nil
        }
        rawValue = value
    }

    /// Sixteen hexadecimal digits.
    package var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
