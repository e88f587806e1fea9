// SPDX-License-Identifier: Apache-2.0
import CHeap
import Cryptography
import DataPlane
import Glibc
import IKE
import Primitives
import Simulation

/// A culvertd that really runs, on 127.0.0.1 and UDP 500, and the clients that dial it from 127.1.0.0/16: what its
/// process spends, sockets and system calls included.
///
/// Start it first, with `--data-plane null`, the pre-shared key `bench` and `listen: [127.0.0.1]`.
struct LoadedDaemon {
    let process: Int32
    let group: DiffieHellmanGroup

    private final class Caller {
        var ike: SimulatedIKEInitiator
        let descriptor: Int32

        init(_ number: Int, _ group: DiffieHellmanGroup) {
            let own = IPAddress.v4(0x7F01_0001 + UInt32(number))
            ike = SimulatedIKEInitiator(
                SimulatedIKEInitiator.Settings(
                    preSharedKey: Array("bench".utf8),
                    ikeOffer: [IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: group)],
                    espOffer: [ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128)],
                    ownAddress: SocketAddress(own, port: 500),
                    gateway: SocketAddress(.v4(0x7F00_0001), port: 500)
                ),
                entropy: SystemEntropy()
            )
            descriptor = loopback_client(0x7F01_0001 + UInt32(number), 500)
            precondition(descriptor >= 0, "no socket for caller \(number): is something else on its port 500?")
        }

        deinit { close(descriptor) }

        func send(_ packets: [SimulatedIKEInitiator.Outgoing]) {
            for packet in packets { _ = Glibc.send(descriptor, packet.bytes, packet.bytes.count, 0) }
        }
    }

    /// CPU seconds of the daemon for main and quick mode of so many callers, 32 at a time.
    func handshakes(_ count: Int, from first: Int = 0) -> Double {
        let before = spent()
        var next = first
        var callers: [Caller] = []
        var idleRounds = 0
        while next < first + count || !callers.isEmpty {
            while callers.count < 32, next < first + count {
                let caller = Caller(next, group)
                caller.send(caller.ike.start(at: MonotonicTime(nanoseconds: 0)))
                callers.append(caller)
                next += 1
            }
            var watched = callers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            idleRounds = poll(&watched, nfds_t(watched.count), 1000) > 0 ? 0 : idleRounds + 1
            precondition(idleRounds < 10, "culvertd does not answer")
            var buffer = [UInt8](repeating: 0, count: 4096)
            for caller in callers {
                let length = recv(caller.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard length > 0 else { continue }
                let bytes = Array(buffer.prefix(length))
                caller.send(caller.ike.receive(bytes, on: .ike, at: MonotonicTime(nanoseconds: 0)))
            }
            callers.removeAll { !$0.ike.children.isEmpty }
        }
        usleep(200_000)
        return spent() - before
    }

    private func spent() -> Double { process_seconds(process) }
}
