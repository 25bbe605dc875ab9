; A guest in one sector that writes to its disks, and reads back what it wrote.
;
;   nasm -f bin -o disk.img disk.asm && truncate -s 1M disk.img
;   qemu-system-x86_64 -display none -serial stdio -device isa-debug-exit,iobase=0xf4 -drive file=disk.img,format=raw
;
; On every hard disk that the BIOS has found, or on the drive that it was started
; from if there is none, it adds one to a counter in the second sector and sets a
; mark before it:
;
;   offset 0    "virt-privileges was here"
;   offset 24   the counter, one byte
;
; It reads the sector again, and for each disk writes one of these lines to both
; serial ports (the numbers are hexadecimal: the BIOS's for the drive, the counter,
; and the BIOS's status or ff for a sector that was not what had been written):
;
;   disk 80 written 01
;   disk 80 refused 03
;
; and then "virt-privileges: a guest wrote". It leaves by isa-debug-exit, which
; makes QEMU's exit status 33 if all was written, else 35. Without that device it
; halts for good.
;
; The byte at offset 0x1f0 of the image is a parameter: if it is not zero, the
; guest first waits for a character on one of its serial ports. 'w' makes it write
; once more, any other one leave. `nasm -DWAIT=1` sets it.

%ifndef WAIT
%define WAIT 0
%endif

COM1 equ 0x3f8
COM2 equ 0x2f8
STATUS equ 5                    ; bit 0: a character is there, 5: ready for one, 6: all of them sent
DEBUG_EXIT equ 0xf4
WRITTEN equ 0x10                ; QEMU exits with (value << 1) | 1
REFUSED equ 0x11
HARD_DISKS equ 0x475            ; how many the BIOS has found
BUFFER equ 0x8000
COUNTER equ BUFFER + mark.end - mark

bits 16
org 0x7c00

        jmp 0:start             ; some BIOSes begin at 07c0:0000
start:
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        mov [booted], dl

write:
        mov byte [leave_with], WRITTEN
        mov dl, 0x80
        movzx cx, byte [HARD_DISKS]
        test cx, cx
        jnz .disk
        mov dl, [booted]
        inc cx
.disk:
        push cx
        push dx
        call write_disk
        pop dx
        pop cx
        inc dx
        loop .disk

        mov si, all_said
        call say
        mov dx, COM1 + STATUS
        call sent
        mov dx, COM2 + STATUS
        call sent

        cmp byte [wait_first], 0
        je .leave
        sti                     ; the BIOS's timer wakes the processor 18 times a second,
.wait:                          ; which is often enough to look for a character
        hlt
        mov dx, COM1
        call typed
        jc .got
        mov dx, COM2
        call typed
        jnc .wait
.got:
        cmp al, 'w'
        je write
.leave:
        mov al, [leave_with]
        out DEBUG_EXIT, al
.halt:
        cli
        hlt
        jmp .halt

; Writes the second sector of drive dl, and says so.
write_disk:
        mov al, dl
        mov di, drive
        call hexadecimal
        mov ah, 2
        call transfer
        jc .refused
        inc byte [COUNTER]
        mov bp, [COUNTER]
        mov si, mark
        mov di, BUFFER
        mov cx, mark.end - mark
        rep movsb
        mov ah, 3
        call transfer
        jc .refused
        mov byte [BUFFER], 0
        dec byte [COUNTER]
        mov ah, 2
        call transfer
        jc .refused
        mov ah, 0xff
        mov cx, bp
        cmp cl, [COUNTER]
        jne .refused
        mov si, mark
        mov di, BUFFER
        mov cx, mark.end - mark
        repe cmpsb
        jne .refused

        mov ax, bp
        mov si, written
        jmp .report
.refused:
        mov byte [leave_with], REFUSED
        mov al, ah
        mov si, refused
.report:
        mov di, value
        call hexadecimal
        push si
        mov si, disk
        call say
        pop si
        call say
        mov si, value
        jmp say

; Reads (ah 2) or writes (ah 3) the second sector of drive dl; carry: refused, for ah.
transfer:
        mov al, 1
        mov bx, BUFFER
        mov cx, 2               ; cylinder 0, sector 2
        mov dh, 0
        int 0x13
        ret

; Writes al at di.
hexadecimal:
        push ax
        shr al, 4
        call .digit
        pop ax
        and al, 15
.digit:
        cmp al, 10
        sbb al, 0x69
        das
        or al, 0x20
        stosb
        ret

; Says what is at si, on both serial ports.
say:
        lodsb
        test al, al
        jz return
        mov dx, COM1
        call put
        mov dx, COM2
        call put
        jmp say
put:
        mov ah, 0x20
        push dx
        add dx, STATUS
        call await
        pop dx
        out dx, al
return:
        ret

sent:
        mov ah, 0x40
; Waits until one of the bits in ah is set in the status of port dx. A port that is not
; there reads as ff.
await:
        push ax
.again:
        in al, dx
        test al, ah
        jz .again
        pop ax
        ret

; The character that was typed on port dx: carry and al.
typed:
        add dx, STATUS
        in al, dx
        inc al                  ; ff: no such port
        jz .none
        dec al
        shr al, 1
        jnc .none
        sub dx, STATUS
        in al, dx
        stc
        ret
.none:
        clc
        ret

mark:   db "virt-privileges was here"
.end:
disk:   db "disk "
drive:  db "80", 0
written:
        db " written ", 0
refused:
        db " refused ", 0
value:  db "00", 13, 10, 0
all_said:
        db "virt-privileges: a guest wrote", 13, 10, 0

booted  equ 0x7e00
leave_with equ 0x7e01

        times 0x1f0 - ($ - $$) db 0
wait_first:
        db WAIT
        times 510 - ($ - $$) db 0
        dw 0xaa55
