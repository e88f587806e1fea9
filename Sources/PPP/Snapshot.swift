// SPDX-License-Identifier: Apache-2.0

package struct Snapshot: Hashable, Sendable {
    /// `dead`, `establish`, `authenticate`, `network`, `terminate`.
    package var phase: String
    package var userName: String?
    package var authentication: AuthenticationMethod?
    package var peerMRU: UInt16

    package init(phase: String, userName: String?, authentication: AuthenticationMethod?, peerMRU: UInt16) {
        self.phase = phase
        self.userName = userName
        self.authentication = authentication
        self.peerMRU = peerMRU
    }
}
