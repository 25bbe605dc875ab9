; A guest in one sector: it shows that it runs, and leaves.
;
;   nasm -f bin -o hello.img hello.asm
;   qemu-system-x86_64 -display none -serial stdio -device isa-debug-exit,iobase=0xf4 -drive file=hello.img,format=raw
;
; It writes "virt-privileges: a guest runs" to the first serial port and leaves
; by isa-debug-exit, which makes QEMU's exit status 33. Without that device it
; halts for good.
;
; The byte at offset 0x1f0 of the image is a parameter: if it is not zero, the
; guest waits for a character on the serial port before it leaves, so that
; somebody can look at the process that runs it. `nasm -DWAIT=1` sets it, and so
; does   printf '\1' | dd of=hello.img bs=1 seek=$((0x1f0)) conv=notrunc

%ifndef WAIT
%define WAIT 0
%endif

COM1_DATA equ 0x3f8
COM1_STATUS equ 0x3fd           ; bit 0: a character is there, 5: ready for one, 6: all of them sent
DEBUG_EXIT equ 0xf4
EXIT_VALUE equ 0x10             ; QEMU exits with (EXIT_VALUE << 1) | 1

bits 16
org 0x7c00

        jmp 0:start             ; some BIOSes begin at 07c0:0000
start:
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        cld

        mov si, line
.next:
        lodsb
        test al, al
        jz .said
        mov ah, 0x20
        call await
        mov al, [si - 1]
        mov dx, COM1_DATA
        out dx, al
        jmp .next
.said:
        mov ah, 0x40
        call await

        cmp byte [wait_first], 0
        je .leave
        sti                     ; the BIOS's timer wakes the processor 18 times a second,
.wait:                          ; which is often enough to look for a character
        hlt
        mov dx, COM1_STATUS
        in al, dx
        test al, 0x01
        jz .wait
.leave:
        mov al, EXIT_VALUE
        out DEBUG_EXIT, al
.halt:
        cli
        hlt
        jmp .halt

; Waits until one of the bits in ah is set in the serial port's status.
await:
        mov dx, COM1_STATUS
.again:
        in al, dx
        test al, ah
        jz .again
        ret

line:   db "virt-privileges: a guest runs", 13, 10, 0

        times 0x1f0 - ($ - $$) db 0
wait_first:
        db WAIT
        times 510 - ($ - $$) db 0
        dw 0xaa55
