// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

/// One IKE SA as an operator sees it.
package struct Snapshot: Hashable, Sendable {
    package var id: IKESAID
    package var trace: TraceID
    package var local: SocketAddress
    package var peer: SocketAddress
    package var profile: String
    /// The peer's identity as text; `nil` until it is known.
    package var peerIdentity: String?
    /// `main-mode-1`, `established`, …
    package var state: String
    /// `aes256-sha256-ecp256`; `nil` until chosen.
    package var transform: String?
    package var isPeerBehindNAT: Bool
    package var isLocalBehindNAT: Bool
    /// As the first message showed it; `nil` until it came.
    package var client: Client?
    /// The name of the pre-shared key, if the profile has several.
    package var keyName: String?
    package var established: MonotonicTime?
    package var children: [Child]

    package struct Child: Hashable, Sendable {
        package var inboundSPI: ESPSPI
        package var outboundSPI: ESPSPI
        package var transform: ESPTransform

        package init(inboundSPI: ESPSPI, outboundSPI: ESPSPI, transform: ESPTransform) {
            self.inboundSPI = inboundSPI
            self.outboundSPI = outboundSPI
            self.transform = transform
        }
    }

    package init(
        id: IKESAID,
        trace: TraceID,
        local: SocketAddress,
        peer: SocketAddress,
        profile: String,
        peerIdentity: String?,
        state: String,
        transform: String?,
        isPeerBehindNAT: Bool,
        isLocalBehindNAT: Bool,
        established: MonotonicTime?,
        children: [Child]
    ) {
        self.id = id
        self.trace = trace
        self.local = local
        self.peer = peer
        self.profile = profile
        self.peerIdentity = peerIdentity
        self.state = state
        self.transform = transform
        self.isPeerBehindNAT = isPeerBehindNAT
        self.isLocalBehindNAT = isLocalBehindNAT
        self.established = established
        self.children = children
    }
}
