// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOPosix
internal import Primitives

/// HTTP/1.1 over TCP, for Prometheus and for a browser: reading only, one request per connection.
///
/// As ``ControlSocket`` it has a thread of its own and asks the shard through its mailbox. Nobody is asked who he is:
/// it is made for loopback.
package final class MetricsServer: Sendable {
    /// What there is to see, and for whom.
    package struct Offer: Hashable, Sendable {
        package var hasPage: Bool
        /// Only names of this machine are taken as Host: a page from elsewhere whose name was made to mean 127.0.0.1
        /// reads nothing here.
        package var isLoopback: Bool

        package init(hasPage: Bool, isLoopback: Bool) {
            self.hasPage = hasPage
            self.isLoopback = isLoopback
        }
    }

    package struct Limits: Hashable, Sendable {
        package var connections = 32
        /// Of a whole request.
        package var requestBytes = 16 << 10
        /// From the connection to the shard's answer.
        package var requestTime: Duration = .seconds(5)
        /// From the connection to the end of the answer.
        package var connectionTime: Duration = .seconds(30)

        package init() {}
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    /// - Parameter descriptor: A listening socket; taken over.
    package init(
        descriptor: CInt,
        mailbox: Mailbox<ShardMessage>,
        serving offer: Offer,
        limits: Limits = Limits()
    ) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = ConnectionCount()
        do {
            channel = try ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let conversation = MetricsConversation(
                            mailbox: mailbox,
                            offer: offer,
                            limits: limits,
                            connections: connections
                        )
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHTTP(requestBytes: limits.requestBytes, conversation)
                    }
                }
                .withBoundSocket(descriptor)
                .wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
        self.group = group
    }

    /// The port it listens on.
    package var port: Int? { channel.localAddress?.port }

    /// Stops listening. Answers under way are cut off.
    package func close() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }
}
