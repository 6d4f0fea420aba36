// SPDX-License-Identifier: MIT
// What an idle connection costs. Sends everything back, with a buffer only while there is something
// to send; the memory it tells is after a collection that gives back what it can.
using System.Buffers;

namespace Nns.Bench;

internal static class Idle
{
    private const int BufferSize = 65536;

    private static int s_connections;

    public static async Task<int> RunAsync()
    {
        new Thread(Answer).Start();
        return await Server.RunAsync(SendBackAsync);
    }

    public static async Task SendBackAsync(Stream stream)
    {
        Interlocked.Increment(ref s_connections);
        var first = new byte[1];
        while (await stream.ReadAsync(first) > 0)
        {
            byte[] data = ArrayPool<byte>.Shared.Rent(BufferSize);
            data[0] = first[0];
            int rest = await stream.ReadAsync(data.AsMemory(1)); // of the same record
            await stream.WriteAsync(data.AsMemory(0, 1 + rest));
            ArrayPool<byte>.Shared.Return(data);
        }
        Interlocked.Decrement(ref s_connections);
    }

    private static void Answer()
    {
        while (Console.In.ReadLine() is not null)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Link.Print(new { connections = s_connections, rss = Environment.WorkingSet });
        }
        Environment.Exit(0);
    }
}
