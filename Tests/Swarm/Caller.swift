// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation

/// One client of the swarm: what it dials with, and what it holds in the kernel.
struct Caller {
    enum State: Hashable {
        case waiting(until: MonotonicTime)
        case dialling(since: MonotonicTime)
        /// Hangs up at `end`, if it has one.
        case up(end: MonotonicTime?)
        /// LCP, CDN and StopCCN were sent; the SAs follow.
        case closing(until: MonotonicTime)
        case done
    }

    let number: Int
    let source: IPAddress
    var state: State
    var client: SimulatedClient?
    /// Its tunnel socket and associations, if it has any.
    var requestID: RequestID?
    var associations: Set<SecurityAssociation.ID> = []
    var lastHeard = MonotonicTime(nanoseconds: 0)
    var nextPing = MonotonicTime(nanoseconds: 0)
    var pings: UInt16 = 0
    /// Frames looked at for answers.
    private var framesSeen = 0

    init(number: Int, source: IPAddress, starts: MonotonicTime) {
        self.number = number
        self.source = source
        state = .waiting(until: starts)
    }

    /// A new client in the same place: new keys, new tunnel.
    mutating func redial(_ options: Options, seed: UInt64) {
        framesSeen = 0
        if !options.vectors.isEmpty {
            client = SimulatedClient(
                options.vectors[number % options.vectors.count],
                preSharedKey: Array(options.preSharedKey.utf8),
                ownAddress: SocketAddress(source, port: 500),
                gateway: SocketAddress(options.gateway, port: 500),
                user: "\(options.userPrefix)\(number)",
                password: options.password,
                seed: seed
            )
            return
        }
        guard let transform = IKETransform(options.ike), let esp = ESPTransform(parsing: options.esp) else { return }
        var ike = SimulatedIKEInitiator.Settings(
            preSharedKey: Array(options.preSharedKey.utf8),
            ikeOffer: [transform],
            espOffer: [esp],
            ownAddress: SocketAddress(source, port: 500),
            gateway: SocketAddress(options.gateway, port: 500)
        )
        ike.vendorIDs = [SimulatedIKEInitiator.rfc3947, SimulatedIKEInitiator.deadPeerDetection]
        client = SimulatedClient(
            ike: ike,
            user: "\(options.userPrefix)\(number)",
            password: options.password,
            seed: seed
        )
    }

    /// Why there is no call any more, or will be none; `nil` while all is well.
    var failure: String? {
        guard let client else { return nil }
        switch client.ike.state {
        case .failed(let reason): return "ike: \(reason)"
        case .closed: return "ike: closed by the gateway"
        case .idle, .waitSA, .waitKeyExchange, .waitIdentity, .waitAggressive, .waitQuickMode, .established: break
        }
        switch client.lac.state {
        case .stopped(let result): return "l2tp: stopped with \(result.map { "\($0)" } ?? "nothing")"
        case .gaveUp: return "l2tp: no acknowledgement"
        case .distrustful: return "l2tp: wrong secret"
        case .idle, .waitReply, .established: break
        }
        if case .ended(let result)? = client.lac.calls.first?.state {
            return "l2tp: call ended with \(result.map { "\($0)" } ?? "nothing")"
        }
        return client.ppp.isOver ? "ppp: \(client.ppp.failure ?? "over")" : nil
    }

    /// Answers to pings since the last call.
    mutating func takeAnswers() -> Int {
        guard let frames = client?.lac.calls.first?.receivedFrames, framesSeen < frames.count else { return 0 }
        defer { framesSeen = frames.count }
        return frames[framesSeen...].count { Echo.isReply($0) }
    }
}

extension SimulatedIKEInitiator.Child {
    /// Both directions, as the client's kernel takes them.
    func associations(
        own: IPAddress,
        gateway: IPAddress,
        _ requestID: RequestID
    ) -> [SecurityAssociation] {
        let encapsulation =
            isEncapsulated ? SecurityAssociation.Encapsulation(sourcePort: 4500, destinationPort: 4500) : nil
        func association(
            _ direction: SecurityAssociation.Direction,
            _ spi: ESPSPI,
            _ key: [UInt8]
        ) -> SecurityAssociation {
            let count = transform.encryptionKeyLength
            return SecurityAssociation(
                direction: direction,
                source: direction == .inbound ? gateway : own,
                destination: direction == .inbound ? own : gateway,
                spi: spi,
                requestID: requestID,
                transform: transform,
                encryptionKey: SecretBytes(copying: key.prefix(count)),
                integrityKey: transform.integrity == nil ? nil : SecretBytes(copying: key.dropFirst(count)),
                encapsulation: encapsulation
            )
        }
        return [
            association(.inbound, inboundSPI, inboundKey), association(.outbound, outboundSPI, outboundKey),
        ]
    }
}
