// SPDX-License-Identifier: Apache-2.0

/// Names an ESP security association towards one destination. Values up to 255 are reserved.
///
/// - SeeAlso: RFC 4303 §2.1
package struct ESPSPI: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init?(rawValue: UInt32) {
        guard rawValue > 255 else { return nil }
        self.rawValue = rawValue
    }

    /// Eight hexadecimal digits.
    package var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

/// Ties all security associations of one peer, in both directions and over every rekeying, to the
/// one tunnel socket that may use them. The low half is the private local UDP port of that socket;
/// the high half is random and never zero.
///
/// The corresponding kernel attribute is `xfrm_usersa_info.reqid`.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    /// - Precondition: `serial` is not zero and `port` lies in ``privatePorts``.
    package init(serial: UInt16, port: UInt16) {
        precondition(serial != 0 && Self.privatePorts.contains(port))
        rawValue = UInt32(serial) << 16 | UInt32(port)
    }

    /// Back from the number in a notice of the kernel's; `nil` for one that cannot be ours.
    package init?(rawValue: UInt32) {
        guard rawValue >> 16 != 0, Self.privatePorts.contains(UInt16(truncatingIfNeeded: rawValue)) else { return nil }
        self.rawValue = rawValue
    }

    /// The local ports that stand for peers. They lie below Linux' default range of ephemeral ports.
    package static let privatePorts: ClosedRange<UInt16> = 16_384...32_767

    package var port: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    package var description: String { "\(rawValue)" }
}

/// A kernel session, in the kernel's own terms: both numbers are the local ends'.
package struct KernelSessionID: Hashable, Sendable, CustomStringConvertible {
    /// The corresponding kernel attribute is `L2TP_ATTR_CONN_ID`.
    package var tunnel: UInt32
    /// The corresponding kernel attribute is `L2TP_ATTR_SESSION_ID`.
    package var session: UInt32

    package init(tunnel: UInt32, session: UInt32) {
        self.tunnel = tunnel
        self.session = session
    }

    package var description: String { "\(tunnel)/\(session)" }
}
