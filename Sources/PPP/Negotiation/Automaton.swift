// SPDX-License-Identifier: Apache-2.0

/// The option negotiation automaton: which state follows which event, and what is done on the way. It is the same
/// for LCP and for every network control protocol, and holds nothing but the state.
///
/// Two of the RFC's options are not taken: re-opening an open protocol does not restart it [r], and a protocol
/// that got no answer stops instead of waiting passively [p].
///
/// - SeeAlso: RFC 1661 §4.1
package struct Automaton: Hashable, Sendable {
    /// In the RFC's order, so that the raw values are its numbers.
    package enum State: UInt8, Hashable, Sendable, CaseIterable {
        case initial
        case starting
        case closed
        case stopped
        case closing
        case stopping
        case requestSent
        case ackReceived
        case ackSent
        case opened
    }

    /// In the RFC's order.
    package enum Event: String, Hashable, Sendable, CaseIterable {
        case up = "Up"
        case down = "Down"
        case open = "Open"
        case close = "Close"
        case timeout = "TO+"
        case timeoutExpired = "TO-"
        case receiveConfigureRequest = "RCR+"
        case receiveUnacceptableConfigureRequest = "RCR-"
        case receiveConfigureAck = "RCA"
        case receiveConfigureNak = "RCN"
        case receiveTerminateRequest = "RTR"
        case receiveTerminateAck = "RTA"
        case receiveUnknownCode = "RUC"
        case receivePermittedReject = "RXJ+"
        case receiveCatastrophicReject = "RXJ-"
        case receiveEcho = "RXR"
    }

    /// A set: the order in which its members are done is the order of their declaration.
    package struct Actions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt16

        package init(rawValue: UInt16) {
            self.rawValue = rawValue
        }

        package static let thisLayerDown = Self(rawValue: 1 << 0)
        package static let initializeRestartCount = Self(rawValue: 1 << 1)
        package static let zeroRestartCount = Self(rawValue: 1 << 2)
        package static let sendConfigureRequest = Self(rawValue: 1 << 3)
        package static let sendConfigureAck = Self(rawValue: 1 << 4)
        package static let sendConfigureNak = Self(rawValue: 1 << 5)
        package static let sendTerminateRequest = Self(rawValue: 1 << 6)
        package static let sendTerminateAck = Self(rawValue: 1 << 7)
        package static let sendCodeReject = Self(rawValue: 1 << 8)
        package static let sendEchoReply = Self(rawValue: 1 << 9)
        package static let thisLayerUp = Self(rawValue: 1 << 10)
        package static let thisLayerStarted = Self(rawValue: 1 << 11)
        package static let thisLayerFinished = Self(rawValue: 1 << 12)
    }

    package private(set) var state: State

    package init(state: State = .initial) {
        self.state = state
    }

    /// Whether the restart timer runs in this state.
    package var isTimed: Bool {
        switch state {
        case .closing, .stopping, .requestSent, .ackReceived, .ackSent: true
        case .initial, .starting, .closed, .stopped, .opened: false
        }
    }

    /// - Returns: `nil` for an event that cannot occur in this state; nothing has changed then.
    package mutating func handle(_ event: Event) -> Actions? {
        guard let (next, actions) = transition(on: event) else { return nil }
        state = next
        return actions
    }

    private func transition(on event: Event) -> (State, Actions)? {
        switch event {
        case .up: onUp
        case .down: onDown
        case .open: onOpen
        case .close: onClose
        case .timeout: onTimeout
        case .timeoutExpired: onTimeoutExpired
        case .receiveConfigureRequest: onConfigureRequest
        case .receiveUnacceptableConfigureRequest: onUnacceptableConfigureRequest
        case .receiveConfigureAck: onConfigureAck
        case .receiveConfigureNak: onConfigureNak
        case .receiveTerminateRequest: onTerminateRequest
        case .receiveTerminateAck: onTerminateAck
        case .receiveUnknownCode: onUnknownCode
        case .receivePermittedReject: onPermittedReject
        case .receiveCatastrophicReject: onCatastrophicReject
        case .receiveEcho: onEcho
        }
    }
}

// The rows of the table: what happens outside.
extension Automaton {
    private var onUp: (State, Actions)? {
        switch state {
        case .initial: (.closed, [])
        case .starting: (.requestSent, [.initializeRestartCount, .sendConfigureRequest])
        case .closed, .stopped, .closing, .stopping, .requestSent, .ackReceived, .ackSent, .opened: nil
        }
    }

    private var onDown: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .closing: (.initial, [])
        case .stopped: (.starting, .thisLayerStarted)
        case .stopping, .requestSent, .ackReceived, .ackSent: (.starting, [])
        case .opened: (.starting, .thisLayerDown)
        }
    }

    private var onOpen: (State, Actions)? {
        switch state {
        case .initial: (.starting, .thisLayerStarted)
        case .closed: (.requestSent, [.initializeRestartCount, .sendConfigureRequest])
        case .closing: (.stopping, [])
        case .starting, .stopped, .stopping, .requestSent, .ackReceived, .ackSent, .opened: (state, [])
        }
    }

    private var onClose: (State, Actions)? {
        switch state {
        case .initial, .closed, .closing: (state, [])
        case .starting: (.initial, .thisLayerFinished)
        case .stopped: (.closed, [])
        case .stopping: (.closing, [])
        case .requestSent, .ackReceived, .ackSent: (.closing, [.initializeRestartCount, .sendTerminateRequest])
        case .opened: (.closing, [.thisLayerDown, .initializeRestartCount, .sendTerminateRequest])
        }
    }

    private var onTimeout: (State, Actions)? {
        switch state {
        case .initial, .starting, .closed, .stopped, .opened: nil
        case .closing, .stopping: (state, .sendTerminateRequest)
        case .requestSent, .ackReceived: (.requestSent, .sendConfigureRequest)
        case .ackSent: (.ackSent, .sendConfigureRequest)
        }
    }

    private var onTimeoutExpired: (State, Actions)? {
        switch state {
        case .initial, .starting, .closed, .stopped, .opened: nil
        case .closing: (.closed, .thisLayerFinished)
        case .stopping, .requestSent, .ackReceived, .ackSent: (.stopped, .thisLayerFinished)
        }
    }
}

// The rows of the table: what the peer says.
extension Automaton {
    private var onConfigureRequest: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed: (.closed, .sendTerminateAck)
        case .stopped: (.ackSent, [.initializeRestartCount, .sendConfigureRequest, .sendConfigureAck])
        case .closing, .stopping: (state, [])
        case .requestSent, .ackSent: (.ackSent, .sendConfigureAck)
        case .ackReceived: (.opened, [.sendConfigureAck, .thisLayerUp])
        case .opened: (.ackSent, [.thisLayerDown, .sendConfigureRequest, .sendConfigureAck])
        }
    }

    private var onUnacceptableConfigureRequest: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed: (.closed, .sendTerminateAck)
        case .stopped: (.requestSent, [.initializeRestartCount, .sendConfigureRequest, .sendConfigureNak])
        case .closing, .stopping: (state, [])
        case .requestSent, .ackSent: (.requestSent, .sendConfigureNak)
        case .ackReceived: (.ackReceived, .sendConfigureNak)
        case .opened: (.requestSent, [.thisLayerDown, .sendConfigureRequest, .sendConfigureNak])
        }
    }

    private var onConfigureAck: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .stopped: (state, .sendTerminateAck)
        case .closing, .stopping: (state, [])
        case .requestSent: (.ackReceived, .initializeRestartCount)
        case .ackReceived: (.requestSent, .sendConfigureRequest)
        case .ackSent: (.opened, [.initializeRestartCount, .thisLayerUp])
        case .opened: (.requestSent, [.thisLayerDown, .sendConfigureRequest])
        }
    }

    private var onConfigureNak: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .stopped: (state, .sendTerminateAck)
        case .closing, .stopping: (state, [])
        case .requestSent, .ackSent: (state, [.initializeRestartCount, .sendConfigureRequest])
        case .ackReceived: (.requestSent, .sendConfigureRequest)
        case .opened: (.requestSent, [.thisLayerDown, .sendConfigureRequest])
        }
    }

    private var onTerminateRequest: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .stopped, .closing, .stopping: (state, .sendTerminateAck)
        case .requestSent, .ackReceived, .ackSent: (.requestSent, .sendTerminateAck)
        case .opened: (.stopping, [.thisLayerDown, .zeroRestartCount, .sendTerminateAck])
        }
    }

    private var onTerminateAck: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .stopped, .ackSent: (state, [])
        case .closing: (.closed, .thisLayerFinished)
        case .stopping: (.stopped, .thisLayerFinished)
        case .requestSent, .ackReceived: (.requestSent, [])
        case .opened: (.requestSent, [.thisLayerDown, .sendConfigureRequest])
        }
    }

    private var onUnknownCode: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .stopped, .closing, .stopping, .requestSent, .ackReceived, .ackSent, .opened:
            (state, .sendCodeReject)
        }
    }

    private var onPermittedReject: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .ackReceived: (.requestSent, [])
        case .closed, .stopped, .closing, .stopping, .requestSent, .ackSent, .opened: (state, [])
        }
    }

    private var onCatastrophicReject: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .closed, .closing: (.closed, .thisLayerFinished)
        case .stopped, .stopping, .requestSent, .ackReceived, .ackSent: (.stopped, .thisLayerFinished)
        case .opened: (.stopping, [.thisLayerDown, .initializeRestartCount, .sendTerminateRequest])
        }
    }

    private var onEcho: (State, Actions)? {
        switch state {
        case .initial, .starting: nil
        case .opened: (.opened, .sendEchoReply)
        case .closed, .stopped, .closing, .stopping, .requestSent, .ackReceived, .ackSent: (state, [])
        }
    }
}
