// SPDX-License-Identifier: Apache-2.0
import Glibc
import IKE
import Primitives
import Runtime

/// First messages of main mode, each with another cookie, from as many addresses as there are clients: what somebody
/// sends who forges addresses.
struct Flood {
    private let options: Options

    init(_ options: Options) {
        self.options = options
    }

    func run() throws {
        let socket = try UDPSocket(bindingTo: SocketAddress(.v4(0), port: 500))
        var receiver = try DatagramReceiver()
        var caller = Caller(number: 0, source: options.first, starts: .current())
        caller.redial(options, seed: 1)
        guard case .ike(let first)? = caller.client?.start(at: .current()).first else { return }
        var bytes = first.bytes
        let start = MonotonicTime.current()
        var generator = SystemRandomNumberGenerator()
        var sent = 0
        var answers = 0
        while sent < options.flood {
            for _ in 0..<min(32, options.flood - sent) {
                var cookie = generator.next() as UInt64
                for index in 0..<8 {
                    bytes[index] = UInt8(truncatingIfNeeded: cookie)
                    cookie >>= 8
                }
                _ = socket.enqueue(
                    bytes,
                    from: options.source(of: sent % options.clients),
                    to: SocketAddress(options.gateway, port: 500)
                )
                sent += 1
            }
            _ = socket.send()
            answers += try receiver.receive(from: socket)
            let ahead = Double(sent) / options.rate - seconds(since: start)
            if ahead > 0.001 { usleep(UInt32(min(ahead, 1) * 1e6)) }
        }
        // What is still under way.
        usleep(1_000_000)
        while case let count = try receiver.receive(from: socket), count > 0 { answers += count }
        tell("flood messages=\(sent) answers=\(answers) seconds=\(Int(seconds(since: start)))")
    }

    private func seconds(since start: MonotonicTime) -> Double {
        Double(start.duration(to: .current()).wholeNanoseconds) / 1e9
    }
}
