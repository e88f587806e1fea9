// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// HTTP/1.1 on a Unix socket, for `culvertctl` and for `curl --unix-socket`: one request per connection.
///
/// It runs on a thread of its own. Every request is posted to the shard and answered when the shard
/// has answered; so a client can be as slow as it likes without the gateway noticing.
package final class ControlSocket: Sendable {
    package struct Limits: Hashable, Sendable {
        package var connections = 32
        /// Of a request's body.
        package var bodyBytes = 64 << 10
        /// Of a whole request.
        package var requestBytes = 80 << 10
        /// From the connection to the end of the request.
        package var requestTime: Duration = .seconds(5)
        /// From the connection to the end of the answer.
        package var connectionTime: Duration = .seconds(30)

        package init() {}
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let file: ControlSocketFile

    /// - Parameter descriptor: A listening Unix socket; taken over.
    package init(
        descriptor: CInt,
        file: ControlSocketFile,
        mailbox: Mailbox<ShardMessage>,
        limits: Limits = Limits()
    ) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = ConnectionCount()
        do {
            channel = try ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(RequestByteLimit(limits.requestBytes))
                        try pipeline.configureHTTPServerPipeline(
                            withPipeliningAssistance: false,
                            withServerUpgrade: nil,
                            withErrorHandling: false
                        )
                        try pipeline.addHandler(
                            ControlConversation(mailbox: mailbox, limits: limits, connections: connections)
                        )
                    }
                }
                .withBoundSocket(descriptor)
                .wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
        self.group = group
        self.file = file
    }

    /// Stops listening and removes the socket file. Answers under way are cut off.
    package func close() {
        file.remove()
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }
}

/// How many clients are connected.
final class ConnectionCount: Sendable {
    private let count = Atomic<Int>(0)

    /// The count with the one who enters.
    func enter() -> Int { count.add(1, ordering: .relaxed).newValue }

    func leave() { count.subtract(1, ordering: .relaxed) }
}

/// Passes bytes on until they are too many for one request.
final class RequestByteLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var left: Int

    init(_ limit: Int) {
        left = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard left >= 0 else { return }
        left -= unwrapInboundIn(data).readableBytes
        if left >= 0 {
            context.fireChannelRead(data)
        } else {
            context.fireErrorCaught(ControlRefusal.tooLarge)
        }
    }
}
