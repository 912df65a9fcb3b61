/* Devices whose plans are tested. Sources: NVIDIA's specifications (multiprocessors, bandwidth, caches), the table of
 * compute capabilities in the CUDA programming guide (threads, blocks, shared memory), and for `in_flight` what
 * NVIDIA's CCCL asks of a copy (cub/device/dispatch/tuning/tuning_transform.cuh). Of an H100's
 * multiprocessors clusters of 8 fill 120; the other numbers of that kind are guesses. The smaller of several models of
 * a name; a device that is opened brings the figures that it can be asked for. */
#include "plan_cuda.h"

#define KB(n) ((int64_t)(n) << 10)
#define MB(n) ((int64_t)(n) << 20)
#define GB_PER_SECOND(n) ((n)*1e9)

/* name, sm, sms, threads and blocks and shared memory per multiprocessor, shared memory per block, L2, bandwidth, bytes
 * in flight per multiprocessor, blocks in clusters */
const wni_cuda_figures wni_cuda_devices[] = {
    {"T4", 75, 40, 1024, 16, KB(64), KB(64), MB(4), GB_PER_SECOND(320), KB(12), {0, 0, 0}},
    {"A10", 86, 72, 1536, 16, KB(100), KB(99), MB(6), GB_PER_SECOND(600), KB(16), {0, 0, 0}},
    {"A100", 80, 108, 2048, 32, KB(164), KB(163), MB(40), GB_PER_SECOND(1555), KB(16), {0, 0, 0}},
    {"L4", 89, 58, 1536, 24, KB(100), KB(99), MB(48), GB_PER_SECOND(300), KB(16), {0, 0, 0}},
    {"L40S", 89, 142, 1536, 24, KB(100), KB(99), MB(96), GB_PER_SECOND(864), KB(16), {0, 0, 0}},
    {"RTX 4090", 89, 128, 1536, 24, KB(100), KB(99), MB(72), GB_PER_SECOND(1008), KB(16), {0, 0, 0}},
    {"RTX 5090", 120, 170, 1536, 24, KB(100), KB(99), MB(96), GB_PER_SECOND(1792), KB(16), {170, 160, 152}},
    {"H100", 90, 132, 2048, 32, KB(228), KB(227), MB(50), GB_PER_SECOND(3352), KB(32), {132, 128, 120}},
    {"H200", 90, 132, 2048, 32, KB(228), KB(227), MB(60), GB_PER_SECOND(4800), KB(48), {132, 128, 120}},
    {"B200", 100, 148, 2048, 32, KB(228), KB(227), MB(126), GB_PER_SECOND(8000), KB(64), {148, 144, 136}},
};
const int wni_cuda_device_count = sizeof wni_cuda_devices / sizeof *wni_cuda_devices;
