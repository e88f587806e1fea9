// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
package import Primitives

extension IKEv1 {
    /// Messages that come in pieces, until they are whole: one at a time for each pair of cookies and each path.
    ///
    /// Only who has returned a cookie of ours gets a place here, so sources are what they say. All bounds are hard: in
    /// number and bytes, of one message, of one source and of everything; the oldest leave first. A piece costs the same
    /// in whatever order they come.
    package struct Fragments: Sendable {
        package struct Key: Hashable, Sendable {
            package var cookies: CookiePair
            package var path: Path

            package init(cookies: CookiePair, path: Path) {
                self.cookies = cookies
                self.path = path
            }
        }

        package enum Outcome: Hashable, Sendable {
            /// Others have to come; or it was there before.
            case waiting
            case whole([UInt8])
            case refused(FragmentationEvent.Refusal)
        }

        /// A message that will never be whole.
        package struct Torso: Hashable, Sendable {
            package var key: Key
            /// How many pieces of it came.
            package var arrived: Int
        }

        /// Of one message: Windows was seen to send 29.
        package static let mostPieces: UInt8 = 32
        /// Unfinished messages in all.
        package static let most = 1024
        /// Unfinished messages of one source.
        package static let mostPerSource = 16
        /// What is kept of all together, with what it costs to keep it.
        package static let mostBytes = 2 << 20
        /// Roughly, of a piece besides its bytes.
        package static let overhead = 64
        /// A message that is not whole by then is forgotten; its sender has repeated itself, or given up.
        package static let life: Duration = .seconds(15)

        private var assemblies = Ring<Key, Assembly>(capacity: most)
        private var perSource: [IPAddress: Int] = [:]
        package private(set) var bytes = 0

        package init() {}

        package var count: Int { assemblies.count }
        package var nextDeadline: MonotonicTime? { assemblies.first?.value.began.advanced(by: Self.life) }

        /// - Parameter factor: How many times as much as others the source may have.
        package mutating func take(
            _ piece: FragmentPayload,
            of key: Key,
            at now: MonotonicTime,
            factor: Int
        ) -> Outcome {
            switch assemblies.withValue(of: key, { $0.take(piece) }) {
            case nil:
                return begin(with: piece, of: key, at: now, factor)
            case .known?:
                return .waiting
            case .added?:
                bytes += Self.cost(piece)
                makeRoom()
                return .waiting
            case .whole(let message)?:
                // The assembly has it already, and takes it along.
                bytes += Self.cost(piece)
                forget(key)
                return .whole(message)
            case .otherMessage?:
                forget(key)
                return begin(with: piece, of: key, at: now, factor)
            case .refused(let reason)?:
                forget(key)
                // Peers that call all their messages 1 begin the next one thus, if this one was given up.
                guard reason.mayBeginAnother else { return .refused(reason) }
                let outcome = begin(with: piece, of: key, at: now, factor)
                return outcome == .waiting ? .refused(reason) : outcome
            }
        }

        private mutating func begin(
            with piece: FragmentPayload,
            of key: Key,
            at now: MonotonicTime,
            _ factor: Int
        ) -> Outcome {
            var assembly = Assembly(id: piece.id, began: now)
            switch assembly.take(piece) {
            case .whole(let message): return .whole(message)
            case .refused(let reason): return .refused(reason)
            case .added, .known, .otherMessage: break
            }
            let source = Admission.source(key.path.peer.address)
            let limit = Self.mostPerSource * factor
            guard perSource[source, default: 0] < limit else { return .refused(.source(limit)) }
            perSource[source, default: 0] += 1
            bytes += Self.cost(piece)
            if let pushedOut = assemblies.append(assembly, for: key).pushedOut {
                settle(pushedOut.key, pushedOut.value)
            }
            makeRoom()
            return .waiting
        }

        /// What has waited too long.
        package mutating func advance(to now: MonotonicTime) -> [Torso] {
            var torsos: [Torso] = []
            while let first = assemblies.first, first.value.began.advanced(by: Self.life) <= now {
                forget(first.key)
                torsos.append(Torso(key: first.key, arrived: first.value.pieces.count))
            }
            return torsos
        }

        private static func cost(_ piece: FragmentPayload) -> Int { piece.data.count + overhead }

        private mutating func makeRoom() {
            while bytes > Self.mostBytes, let first = assemblies.first { forget(first.key) }
        }

        private mutating func forget(_ key: Key) {
            guard let assembly = assemblies.remove(key) else { return }
            settle(key, assembly)
        }

        /// Takes what has left the table off the books.
        private mutating func settle(_ key: Key, _ assembly: Assembly) {
            bytes -= assembly.bytes + assembly.pieces.count * Self.overhead
            let source = Admission.source(key.path.peer.address)
            let rest = perSource[source, default: 1] - 1
            perSource[source] = rest > 0 ? rest : nil
        }
    }
}

extension IKEv1.Fragments {
    /// The pieces of one message.
    private struct Assembly: Sendable {
        enum Step {
            case added
            /// It was there before.
            case known
            case otherMessage
            case whole([UInt8])
            case refused(FragmentationEvent.Refusal)
        }

        let id: UInt16
        let began: MonotonicTime
        private(set) var pieces: [UInt8: [UInt8]] = [:]
        private(set) var bytes = 0
        private var last: UInt8?
        private var highest: UInt8 = 0

        init(id: UInt16, began: MonotonicTime) {
            self.id = id
            self.began = began
        }

        mutating func take(_ piece: IKEv1.FragmentPayload) -> Step {
            guard piece.number <= IKEv1.Fragments.mostPieces else {
                return .refused(.tooManyPieces(Int(IKEv1.Fragments.mostPieces)))
            }
            guard piece.id == id else { return .otherMessage }
            if let known = pieces[piece.number] {
                let isSame = known == piece.data && piece.isLast == (last == piece.number)
                return isSame ? .known : .refused(.disagreement(Int(piece.number)))
            }
            if let last {
                guard piece.number < last, !piece.isLast else {
                    return .refused(.disagreement(Int(piece.number)))
                }
            } else if piece.isLast, piece.number < highest {
                return .refused(.disagreement(Int(piece.number)))
            }
            guard bytes + piece.data.count <= ISAKMPHeader.longestMessage else {
                return .refused(.tooLong(ISAKMPHeader.longestMessage))
            }
            pieces[piece.number] = piece.data
            bytes += piece.data.count
            highest = max(highest, piece.number)
            if piece.isLast { last = piece.number }
            guard let last, pieces.count == Int(last) else { return .added }
            return .whole((1...last).flatMap { pieces[$0] ?? [] })
        }
    }
}

extension IKEv1 {
    /// A message in pieces that fit into packets.
    ///
    /// The pieces go under the exchange of phase 1 and message id 0, whatever the whole is: some look for them nowhere
    /// else. A message that is sent again has the same pieces, so that a piece lost once and another lost then do no harm.
    ///
    /// - Parameter length: Bytes of one piece, headers excluded; at least 1.
    /// - Returns: `nil` for what is no message, or would have too many pieces.
    package static func pieces(of message: [UInt8], length: Int) -> [[UInt8]]? {
        var reader = ByteReader(message)
        guard let whole = try? ISAKMPHeader(from: &reader) else { return nil }
        let step = max(1, length)
        let starts = Array(stride(from: 0, to: message.count, by: step))
        guard starts.count <= Int(Fragments.mostPieces) else { return nil }
        let header = ISAKMPHeader(
            initiatorCookie: whole.initiatorCookie,
            responderCookie: whole.responderCookie,
            exchange: whole.messageID == 0 ? whole.exchange : .identityProtection
        )
        let id = fragmentID(of: message)
        return starts.enumerated().map { index, start in
            let end = min(start + step, message.count)
            let piece = FragmentPayload(
                id: id,
                number: UInt8(truncatingIfNeeded: index + 1),
                isLast: end == message.count,
                data: Array(message[start..<end])
            )
            return Message(header: header, payloads: [Payload(.fragment, piece)]).encode()
        }
    }

    /// Two messages have different ones, but for one in 65,535.
    private static func fragmentID(of message: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0x811C_9DC5
        for byte in message { sum = (sum ^ UInt32(byte)) &* 0x0100_0193 }
        return max(1, UInt16(truncatingIfNeeded: sum ^ sum >> 16))
    }
}
