// SPDX-License-Identifier: Apache-2.0
package import IKE

/// First messages wait here, so that a flood of them delays nobody who is established: those are
/// handled as they are read.
package struct Newcomers {
    /// Handled in one turn at most.
    package static var share: Int { 32 }
    /// Wait at most; the peers of the others repeat themselves.
    package static var limit: Int { 1024 }

    private var waiting: [IKE.Datagram] = []

    package init() {}

    package var isEmpty: Bool { waiting.isEmpty }

    /// - Returns: `false` if there is no room; the datagram is then lost.
    package mutating func add(_ datagram: IKE.Datagram) -> Bool {
        guard waiting.count < Self.limit else { return false }
        waiting.append(datagram)
        return true
    }

    /// The share of one turn, oldest first.
    package mutating func take() -> [IKE.Datagram] {
        guard waiting.count > Self.share else {
            defer { waiting = [] }
            return waiting
        }
        defer { waiting.removeFirst(Self.share) }
        return Array(waiting[..<Self.share])
    }
}

extension IKE.Datagram {
    /// Whether it asks for an IKE SA that nobody has answered to: its responder cookie is zero. What is
    /// no message at all is none, and quickly refused.
    package var isFirstMessage: Bool {
        let start = (port == .natTraversal ? 4 : 0) + 8
        guard bytes.count >= start + 8, bytes.count <= ISAKMPHeader.longestMessage else { return false }
        return bytes[start..<start + 8].allSatisfy { $0 == 0 }
    }
}
