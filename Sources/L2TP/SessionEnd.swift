// SPDX-License-Identifier: Apache-2.0

/// Why a session ends, with who says so.
package enum SessionEnd: Hashable, Sendable {
    /// We or the peer disconnect for an administrative reason (CDN result 3).
    case administrative
    /// PPP is over: terminated, refused or silent (CDN result 2 with the text).
    case ppp(String)
    /// The peer's CDN: result code, error code, message.
    case byPeer(result: UInt16, error: UInt16?, message: String?)
    /// Its control connection ended.
    case connectionEnded
    /// We could not serve it: table full, kernel refused (CDN result 4).
    case noResources(String)
    /// The peer broke the protocol.
    case protocolError(String)
}
