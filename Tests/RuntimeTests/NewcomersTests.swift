// SPDX-License-Identifier: Apache-2.0
import IKE
import Primitives
import Runtime
import Testing

struct NewcomersTests {
    private func datagram(_ bytes: [UInt8], _ port: IKE.Datagram.Port = .ike) -> IKE.Datagram {
        let address = SocketAddress(localhost, port: 500)
        return IKE.Datagram(bytes: bytes, port: port, local: address, peer: address)
    }

    private let first = [UInt8](repeating: 1, count: 8) + [UInt8](repeating: 0, count: 20)
    private let established = [UInt8](repeating: 1, count: 28)

    @Test func tellsFirstMessagesByTheirResponderCookie() {
        #expect(datagram(first).isFirstMessage)
        #expect(!datagram(established).isFirstMessage)
        #expect(datagram([0, 0, 0, 0] + first, .natTraversal).isFirstMessage)
        #expect(!datagram([0, 0, 0, 0] + established, .natTraversal).isFirstMessage)
        // One bit of the cookie is enough.
        for index in 8..<16 {
            var bytes = first
            bytes[index] = 0x80
            #expect(!datagram(bytes).isFirstMessage)
        }
        // No message at all: refused faster than put aside.
        for length in 0..<16 { #expect(!datagram(Array(first[..<length])).isFirstMessage) }
        for length in 0..<20 {
            #expect(!datagram(Array(([0, 0, 0, 0] + first)[..<length]), .natTraversal).isFirstMessage)
        }
        #expect(!datagram([UInt8](repeating: 0, count: 10_001)).isFirstMessage)
    }

    @Test func givesThemBackInOrderAndInShares() {
        var newcomers = Newcomers()
        let count = 10_000
        for number in 0..<count {
            let isTaken = newcomers.add(datagram(first + [UInt8(number >> 8), UInt8(number & 0xFF)]))
            #expect(isTaken)
        }
        var seen: [Int] = []
        while !newcomers.isEmpty {
            let share = newcomers.take()
            #expect(share.count <= Newcomers.share)
            seen += share.map { Int($0.bytes[28]) << 8 | Int($0.bytes[29]) }
        }
        #expect(seen == Array(0..<count))
        #expect(newcomers.take().isEmpty)
    }

    @Test func isBoundedByCountAndByBytes() {
        var newcomers = Newcomers()
        let small = datagram(first)
        for _ in 0..<Newcomers.limit { _ = newcomers.add(small) }
        let isOneMoreTaken = newcomers.add(small)
        #expect(!isOneMoreTaken)
        _ = newcomers.take()
        let isTakenAgain = newcomers.add(small)
        #expect(isTakenAgain)

        newcomers = Newcomers()
        let large = datagram([UInt8](repeating: 0, count: 8192))
        var count = 0
        while newcomers.add(large) { count += 1 }
        #expect(count == Newcomers.byteLimit / 8192)
    }
}
