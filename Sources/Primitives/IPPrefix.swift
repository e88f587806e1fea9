// SPDX-License-Identifier: Apache-2.0

/// An address block in CIDR form. Bits beyond the length are zero.
package struct IPPrefix: Hashable, Sendable {
    package let address: IPAddress
    package let length: Int

    /// Clears the bits beyond `length`; `nil` if the family has fewer bits than that.
    package init?(_ address: IPAddress, length: Int) {
        guard (0...address.bitWidth).contains(length) else { return nil }
        self.length = length
        switch address {
        case .v4(let value):
            self.address = .v4(length == 0 ? 0 : value & (~0 << UInt32(32 - length)))
        case .v6(let high, let low):
            let keepHigh = min(length, 64)
            let keepLow = max(length - 64, 0)
            self.address = .v6(
                high: keepHigh == 0 ? 0 : high & (~0 << UInt64(64 - keepHigh)),
                low: keepLow == 0 ? 0 : low & (~0 << UInt64(64 - keepLow))
            )
        }
    }

    package func contains(_ other: IPAddress) -> Bool {
        other.isV4 == address.isV4 && IPPrefix(other, length: length)?.address == address
    }
}

extension IPPrefix: LosslessStringConvertible {
    /// `192.0.2.0/24`; an address alone is a prefix of full length.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(address, length: address.bitWidth)
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]) else { return nil }
        self.init(address, length: length)
    }

    package var description: String { "\(address)/\(length)" }
}
