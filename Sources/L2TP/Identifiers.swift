// SPDX-License-Identifier: Apache-2.0
package import DataPlane

/// Names a tunnel at one of its two ends. Each end picks its own, and never zero:
/// on the wire zero means "not assigned yet".
///
/// - SeeAlso: RFC 2661 §4.4.3
package struct TunnelID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init?(rawValue: UInt16) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    package var description: String { "\(rawValue)" }
}

/// Names a session at one of its two ends, within its tunnel. Never zero.
///
/// - SeeAlso: RFC 2661 §4.4.4
package struct SessionID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init?(rawValue: UInt16) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    package var description: String { "\(rawValue)" }
}

/// A session by the two numbers that we picked.
package struct SessionKey: Hashable, Sendable, CustomStringConvertible {
    package var tunnel: TunnelID
    package var session: SessionID

    package init(tunnel: TunnelID, session: SessionID) {
        self.tunnel = tunnel
        self.session = session
    }

    package var description: String { "\(tunnel)/\(session)" }

    package var kernelID: KernelSessionID {
        KernelSessionID(tunnel: UInt32(tunnel.rawValue), session: UInt32(session.rawValue))
    }
}
