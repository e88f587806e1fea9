// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane

/// Hands out request ids: a private port that no other peer has as long as there is one, in random
/// order, and a random high half. (The kernel's hashes are plain sums: counting up would fill few buckets.)
package struct PrivatePorts: Sendable {
    /// How many peers share each port of the range, by offset.
    private var users = [UInt16](repeating: 0, count: RequestID.privatePorts.count)
    private var inUse: Set<RequestID> = []

    package init() {}

    package var count: Int { inUse.count }

    package mutating func take(_ entropy: any EntropySource) -> RequestID {
        let bytes = entropy.bytes(4)
        let start = (Int(bytes[0]) << 8 | Int(bytes[1])) % users.count
        let serial = max(UInt16(bytes[2]) << 8 | UInt16(bytes[3]), 1)
        // Not every port can have more peers than the average: the search ends.
        let fewest = inUse.count / users.count
        var offset = start
        while users[offset] > fewest { offset = (offset + 1) % users.count }
        let port = RequestID.privatePorts.lowerBound + UInt16(offset)
        var id = RequestID(serial: serial, port: port)
        while inUse.contains(id) { id = RequestID(serial: max(UInt16(id.rawValue >> 16) &+ 1, 1), port: port) }
        users[offset] += 1
        inUse.insert(id)
        return id
    }

    package mutating func release(_ id: RequestID) {
        guard inUse.remove(id) != nil else { return }
        users[Int(id.port - RequestID.privatePorts.lowerBound)] -= 1
    }
}
