// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOHTTP1

extension ChannelPipeline.SynchronousOperations {
    /// HTTP/1.1 without pipelining and upgrades, whose errors the conversation answers itself.
    ///
    /// - Parameter requestBytes: Of everything that the peer may send.
    func addHTTP(requestBytes: Int, _ conversation: some ChannelInboundHandler) throws {
        try addHandler(RequestByteLimit(requestBytes))
        try configureHTTPServerPipeline(
            withPipeliningAssistance: false,
            withServerUpgrade: nil,
            withErrorHandling: false
        )
        try addHandler(conversation)
    }
}

/// Passes bytes on until they are too many for one request.
private final class RequestByteLimit: ChannelInboundHandler {
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
