// SPDX-License-Identifier: Apache-2.0
package import IKE

/// First messages wait here, so that a flood of them delays nobody who is established: those are
/// handled as they are read.
package struct Newcomers {
    /// Handled in one turn at most.
    package static var share: Int { 32 }
    /// Wait at most, so that everybody who dials in again after a power cut finds room; the peers of the others
    /// repeat themselves.
    package static var limit: Int { 16_384 }
    /// Bytes of those who wait.
    package static var byteLimit: Int { 8 << 20 }

    private var waiting: [IKE.Datagram] = []
    /// Of the oldest; what is before it is gone.
    private var head = 0
    private var byteCount = 0

    package init() {}

    package var isEmpty: Bool { head == waiting.count }

    /// - Returns: `false` if there is no room; the datagram is then lost.
    package mutating func add(_ datagram: IKE.Datagram) -> Bool {
        guard waiting.count - head < Self.limit, byteCount + datagram.bytes.count <= Self.byteLimit else {
            return false
        }
        byteCount += datagram.bytes.count
        waiting.append(datagram)
        return true
    }

    /// The share of one turn, oldest first.
    package mutating func take() -> [IKE.Datagram] {
        guard !isEmpty else { return [] }
        let share = Array(waiting[head...].prefix(Self.share))
        for datagram in share { byteCount -= datagram.bytes.count }
        head += share.count
        if isEmpty {
            waiting.removeAll(keepingCapacity: false)
            head = 0
        } else if head >= 4096 {
            waiting.removeFirst(head)
            head = 0
        }
        return share
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
