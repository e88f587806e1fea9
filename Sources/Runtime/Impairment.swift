// SPDX-License-Identifier: Apache-2.0
package import DataPlane

/// One fault that was ordered: what it does, to what, and how often.
package struct Impairment: Hashable, Sendable {
    package enum Fault: Hashable, Sendable {
        case message(MessageKind, Direction, Treatment)
        /// The kernel is not asked; the answer is this errno value.
        case request(RequestKind, errno: Int32)
    }

    package enum Direction: String, Hashable, Sendable, CaseIterable {
        case incoming = "in"
        case outgoing = "out"
    }

    package enum Treatment: Hashable, Sendable {
        case drop
        case double
        case delay(Duration)
        /// One bit of the byte in the middle is turned.
        case corrupt
    }

    /// Which of the messages or requests that match.
    package enum Selection: Hashable, Sendable {
        /// Counted from 1, since the fault was ordered.
        case nth(UInt64)
        case every
        /// Of a hundred, as a sequence of numbers has it that is the same in every run.
        case percentage(UInt8)
    }

    package enum RequestKind: String, Hashable, Sendable, CaseIterable {
        case openSocket = "open-socket"
        case connectSocket = "connect-socket"
        case closeSocket = "close-socket"
        case installInbound = "install-inbound"
        case installOutbound = "install-outbound"
        case remove
        case move
        case createSession = "create-session"
        case bringUp = "bring-up"
        case setMTU = "set-mtu"
        case readPathMTU = "read-path-mtu"
        case probePath = "probe-path"
        case removeSession = "remove-session"
        case readCounters = "read-counters"
        case takeInventory = "take-inventory"
        case addGatewayAddress = "add-gateway-address"
        case removeGatewayAddress = "remove-gateway-address"
    }

    package var fault: Fault
    package var selection: Selection

    package init(_ fault: Fault, _ selection: Selection = .nth(1)) {
        self.fault = fault
        self.selection = selection
    }
}

extension Impairment.RequestKind {
    package init(_ request: DataPlaneRequest) {
        switch request {
        case .openSocket: self = .openSocket
        case .connectSocket: self = .connectSocket
        case .closeSocket: self = .closeSocket
        case .install(let association):
            self = association.direction == .inbound ? .installInbound : .installOutbound
        case .remove: self = .remove
        case .move: self = .move
        case .createSession: self = .createSession
        case .bringUp: self = .bringUp
        case .setMTU: self = .setMTU
        case .readPathMTU: self = .readPathMTU
        case .probePath: self = .probePath
        case .removeSession: self = .removeSession
        case .readCounters: self = .readCounters
        case .takeInventory: self = .takeInventory
        case .addGatewayAddress: self = .addGatewayAddress
        case .removeGatewayAddress: self = .removeGatewayAddress
        }
    }
}

extension Impairment: CustomStringConvertible {
    /// `drop sccrq in, number 2`.
    package var description: String {
        let what: String =
            switch fault {
            case .message(let kind, let direction, let treatment):
                "\(treatment) \(kind.rawValue) \(direction.rawValue)"
            case .request(let kind, let errno): "fail \(kind.rawValue) with errno \(errno)"
            }
        return switch selection {
        case .nth(let number): "\(what), number \(number)"
        case .every: "\(what), every one"
        case .percentage(let share): "\(what), \(share) of 100"
        }
    }
}

extension Impairment.Treatment: CustomStringConvertible {
    package var description: String {
        switch self {
        case .drop: "drop"
        case .double: "double"
        case .delay(let duration): "delay by \(duration)"
        case .corrupt: "corrupt"
        }
    }
}
