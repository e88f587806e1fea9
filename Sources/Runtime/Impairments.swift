// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import DataPlane
package import Primitives

/// The faults in force, what they did so far, and the messages they hold back. Deterministic: the
/// same messages in the same order meet the same faults.
package struct Impairments: Sendable {
    /// One fault and its counts.
    package struct Entry: Hashable, Sendable {
        /// Its name, counted from 1.
        package var number: Int
        package var impairment: Impairment
        /// Messages or requests that were of its kind.
        package var matched: UInt64 = 0
        /// Of those, the ones it struck.
        package var struck: UInt64 = 0
        private var random: UInt64

        init(number: Int, _ impairment: Impairment) {
            self.number = number
            self.impairment = impairment
            random = UInt64(number)
        }

        /// Counts one that matches, and tells whether it is struck.
        fileprivate mutating func strikes() -> Bool {
            matched += 1
            let isStruck =
                switch impairment.selection {
                case .nth(let number): matched == number
                case .every: true
                case .percentage(let share): nextRandom() % 100 < UInt64(share)
                }
            if isStruck { struck += 1 }
            return isStruck
        }

        /// SplitMix64.
        private mutating func nextRandom() -> UInt64 {
            random &+= 0x9E37_79B9_7F4A_7C15
            var z = random
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private struct Delayed<Message: Sendable>: Sendable {
        var deadline: MonotonicTime
        var message: Message
    }

    /// Faults at once: what a person orders, not what a script gone wild does.
    package static var limit: Int { 64 }
    /// Messages held back at once; one more and the oldest goes on its way.
    private static var delayLimit: Int { 4096 }

    package private(set) var entries: [Entry] = []
    private var lastNumber = 0
    private var delayedInputs: [Delayed<ControlPlane.Input>] = []
    private var delayedEffects: [Delayed<ControlPlane.Effect>] = []

    package init() {}

    /// - Returns: `false` if there are too many already.
    package mutating func add(_ impairment: Impairment) -> Bool {
        guard entries.count < Self.limit else { return false }
        lastNumber += 1
        entries.append(Entry(number: lastNumber, impairment))
        return true
    }

    /// From now on nothing is impaired; what is held back still comes.
    package mutating func clear() {
        entries = []
    }

    // MARK: Messages

    /// What comes instead of `input`, now.
    package mutating func apply(to input: ControlPlane.Input, at now: MonotonicTime) -> [ControlPlane.Input] {
        guard !entries.isEmpty else { return [input] }
        let (messages, delay) = treat(input, .incoming, kinds: MessageKind.kinds(of: input), corrupt: { $0.corrupted })
        guard let delay else { return messages }
        delayedInputs += messages.map { Delayed(deadline: now.advanced(by: delay), message: $0) }
        return Self.takeExcess(&delayedInputs)
    }

    /// What is done instead of `effect`, now.
    package mutating func apply(to effect: ControlPlane.Effect, at now: MonotonicTime) -> [ControlPlane.Effect] {
        guard !entries.isEmpty else { return [effect] }
        let (messages, delay) = treat(
            effect,
            .outgoing,
            kinds: MessageKind.kinds(of: effect),
            corrupt: { $0.corrupted }
        )
        guard let delay else { return messages }
        delayedEffects += messages.map { Delayed(deadline: now.advanced(by: delay), message: $0) }
        return Self.takeExcess(&delayedEffects)
    }

    /// The faults strike one after the other, in the order they were given.
    private mutating func treat<Message>(
        _ message: Message,
        _ direction: Impairment.Direction,
        kinds: [MessageKind],
        corrupt: (Message) -> Message
    ) -> (messages: [Message], delay: Duration?) {
        var messages = [message]
        var delay: Duration?
        guard !kinds.isEmpty else { return (messages, delay) }
        for index in entries.indices {
            guard case .message(let kind, direction, let treatment) = entries[index].impairment.fault,
                kinds.contains(kind), entries[index].strikes()
            else { continue }
            switch treatment {
            case .drop: return ([], nil)
            case .double: messages += messages
            case .delay(let duration): delay = (delay ?? .zero) + duration
            case .corrupt: messages = messages.map(corrupt)
            }
        }
        return (messages, delay)
    }

    // MARK: Requests

    /// What the kernel is made to say without being asked; `nil` if it is to be asked.
    package mutating func failure(of request: DataPlaneRequest) -> DataPlaneError? {
        guard !entries.isEmpty else { return nil }
        let requestKind = Impairment.RequestKind(request)
        for index in entries.indices {
            guard case .request(requestKind, let errno) = entries[index].impairment.fault,
                entries[index].strikes()
            else { continue }
            return DataPlaneError(step: "impaired \(requestKind.rawValue)", code: errno)
        }
        return nil
    }

    // MARK: Time

    /// When something that is held back is due.
    package var nextDeadline: MonotonicTime? {
        (delayedInputs.map(\.deadline) + delayedEffects.map(\.deadline)).min()
    }

    /// What was held back until now.
    package mutating func takeDueInputs(at now: MonotonicTime) -> [ControlPlane.Input] {
        Self.takeDue(&delayedInputs, at: now)
    }

    /// What was held back until now.
    package mutating func takeDueEffects(at now: MonotonicTime) -> [ControlPlane.Effect] {
        Self.takeDue(&delayedEffects, at: now)
    }

    private static func takeDue<Message>(_ delayed: inout [Delayed<Message>], at now: MonotonicTime) -> [Message] {
        guard !delayed.isEmpty else { return [] }
        // Stable: those of one deadline stay in order.
        let due = delayed.enumerated().filter { $0.element.deadline <= now }
            .sorted { ($0.element.deadline, $0.offset) < ($1.element.deadline, $1.offset) }
            .map(\.element.message)
        delayed.removeAll { $0.deadline <= now }
        return due
    }

    private static func takeExcess<Message>(_ delayed: inout [Delayed<Message>]) -> [Message] {
        guard delayed.count > delayLimit else { return [] }
        let excess = delayed.prefix(delayed.count - delayLimit).map(\.message)
        delayed.removeFirst(excess.count)
        return excess
    }
}

extension ControlPlane.Input {
    fileprivate var corrupted: Self {
        switch self {
        case .datagram(var datagram):
            datagram.bytes.turnOneBit()
            return .datagram(datagram)
        case .notice(.datagram(let socket, from: let peer, var bytes)):
            bytes.turnOneBit()
            return .notice(.datagram(socket, from: peer, bytes))
        case .notice(.frame(let session, var bytes)):
            bytes.turnOneBit()
            return .notice(.frame(session, bytes))
        case .notice, .command, .calendar:
            return self
        }
    }
}

extension ControlPlane.Effect {
    fileprivate var corrupted: Self {
        switch self {
        case .transmit(var datagram):
            datagram.bytes.turnOneBit()
            return .transmit(datagram)
        case .send(var bytes, on: let socket, to: let peer):
            bytes.turnOneBit()
            return .send(bytes, on: socket, to: peer)
        case .write(var bytes, to: let session):
            bytes.turnOneBit()
            return .write(bytes, to: session)
        case .request, .report:
            return self
        }
    }
}

extension [UInt8] {
    fileprivate mutating func turnOneBit() {
        guard !isEmpty else { return }
        self[count / 2] ^= 1
    }
}
